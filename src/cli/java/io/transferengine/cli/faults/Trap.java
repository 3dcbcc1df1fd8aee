// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Waits for the place where a fault is to strike, on all connections of some relays. It strikes
 * once. Thread-safe.
 */
public final class Trap {
  private @Nullable Fault armed;
  private Runnable deed = () -> {};
  private int skip;
  private boolean over = true;
  private @Nullable Changes struck;
  private boolean fired;

  /**
   * Sets the next fault.
   *
   * @param deed what {@link Act#DEED} does, on the thread of a connection
   */
  public synchronized void arm(Fault fault, Runnable deed) {
    armed = fault;
    this.deed = deed;
    skip = fault.skipped();
    over = false;
    fired = false;
    struck = null;
  }

  /** A part begins; {@return the fault if it strikes here} */
  synchronized Optional<Fault> begins(Part part) {
    Fault fault = armed;
    if (fault == null || fault.part() != part || skip-- > 0) {
      return Optional.empty();
    }
    armed = null;
    return Optional.of(fault);
  }

  /**
   * The fault strikes.
   *
   * @param changes what becomes of the bytes of its connection; null if there is none yet
   * @return what there is to do to a process
   */
  synchronized Runnable strikes(@Nullable Changes changes) {
    fired = true;
    struck = changes;
    notifyAll();
    return deed;
  }

  /** Waits until the fault is over. */
  synchronized void awaitEnd() throws InterruptedException {
    while (!over) {
      wait();
    }
  }

  /** The fault is over: what stands still goes on. {@return whether it struck} */
  public synchronized boolean end() {
    armed = null;
    over = true;
    notifyAll();
    return fired;
  }

  /** {@return whether the fault has struck} */
  public synchronized boolean hasStruck() {
    return fired;
  }

  /** {@return what it did to the bytes of the connection that it struck} */
  public synchronized Optional<Changes> struck() {
    return Optional.ofNullable(struck);
  }
}
