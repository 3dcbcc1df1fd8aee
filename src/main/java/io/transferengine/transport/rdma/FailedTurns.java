// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * How long a worker tries again while each of its turns throws. A full heap may have room again
 * soon, and a number of turns says nothing about how long that took. For one thread.
 */
final class FailedTurns {
  /** Then it is a fault that stays. Other devices can move what comes next. */
  private static final long LIMIT_NANOS = TimeUnit.SECONDS.toNanos(30);

  /** A turn that fails at once must not keep a processor from whoever frees memory. */
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private boolean failing;
  private long sinceNanos;

  /** None so far. */
  FailedTurns() {}

  /** A turn went well. */
  void over() {
    failing = false;
  }

  /** A turn threw. {@return whether the one before it went well} */
  boolean first() {
    if (failing) {
      return false;
    }
    failing = true;
    sinceNanos = System.nanoTime();
    return true;
  }

  /** Waits a moment. {@return whether another turn is worth it} */
  boolean worthAnother() {
    LockSupport.parkNanos(PAUSE_NANOS);
    return System.nanoTime() - sinceNanos < LIMIT_NANOS;
  }
}
