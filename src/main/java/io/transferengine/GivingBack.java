// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.util.concurrent.locks.ReentrantLock;

/**
 * Gives something back once. Who comes while another gives it back waits for that: what holds
 * afterwards holds for both. If it fails, it may be tried again. Thread-safe.
 */
final class GivingBack {
  private final ReentrantLock lock = new ReentrantLock();
  private volatile boolean done;

  boolean isDone() {
    return done;
  }

  void run(Runnable action) {
    lock.lock();
    try {
      if (!done) {
        action.run();
        done = true;
      }
    } finally {
      lock.unlock();
    }
  }
}
