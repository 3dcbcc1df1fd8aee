// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** Lets bytes of several relays pass, or not. Thread-safe. */
public final class Valve {
  private long allowance = Long.MAX_VALUE;

  /** Lets some more bytes pass, and none behind them until {@link #open}. */
  public synchronized void stallAfter(long bytes) {
    allowance = bytes;
  }

  public synchronized void open() {
    allowance = Long.MAX_VALUE;
    notifyAll();
  }

  /** {@return whether nothing passes} */
  public synchronized boolean isStalled() {
    return allowance == 0;
  }

  /** {@return how many of so many bytes may pass, once it is at least one} */
  synchronized int pass(int wanted) throws InterruptedException {
    while (allowance == 0) {
      wait();
    }
    int passed = (int) Math.min(wanted, allowance);
    if (allowance != Long.MAX_VALUE) {
      allowance -= passed;
    }
    return passed;
  }
}
