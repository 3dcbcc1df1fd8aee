// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Who makes the turns of an event loop: its own thread, the keeper, or a caller who borrows it. One
 * word; a caller never waits for it.
 *
 * <pre>
 *   KEEPER --rest--> FREE --take--> CALLER --leave--> FREE, or LEFT
 *     ^---------------'-----------------------------------------'
 * </pre>
 *
 * <p>LEFT is for the keeper alone: something is under way that no caller waits for. While it is
 * free, nobody looks at the loop's sockets, and the keeper sleeps. It takes the loop back when
 * there is something to do that no caller does, and to look every second. If no caller has come
 * since then, it keeps the loop, and sleeps in the kernel as any other.
 */
final class LoopLease {
  private static final int KEEPER = 0;
  private static final int FREE = 1;
  private static final int CALLER = 2;
  private static final int LEFT = 3;

  /** Should a wake-up be lost: what lies with the loop waits no longer. */
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  /** What is to be done by the clock may be so late: more than between two readings of it. */
  private static final long EARLY_NANOS = TimeUnit.MILLISECONDS.toNanos(1);

  private final AtomicInteger state = new AtomicInteger(KEEPER);
  private volatile @Nullable Thread caller;
  private volatile @Nullable Thread keeper;

  /** Whether callers have asked for the loop since the keeper last found that none does. */
  private volatile boolean isWanted;

  private volatile boolean keeperWaits;

  /** When the keeper looks, if nobody wakes it. */
  private volatile long looksAtNanos;

  /** Whether one has had it since the keeper last looked. */
  private volatile boolean wasTaken;

  // ---- callers

  /** {@return whether the loop is this thread's now, until it leaves it} */
  boolean take() {
    if (keeperWaits || state.get() != FREE || !state.compareAndSet(FREE, CALLER)) {
      return false;
    }
    caller = Thread.currentThread();
    wasTaken = true;
    return true;
  }

  /** {@return whether the keeper is to be woken, so that it lets go of the loop when it can} */
  boolean want() {
    if (isWanted || state.get() != KEEPER) {
      return false;
    }
    isWanted = true;
    return true;
  }

  /**
   * Leaves it. Takes no memory.
   *
   * @param isQuiet whether nothing is under way on it
   * @param delayNanos when there is something to do by the clock
   * @param hasTasks asked once it is free: whoever adds one later finds it so
   */
  void leave(boolean isQuiet, long delayNanos, BooleanSupplier hasTasks) {
    boolean isEarly = System.nanoTime() + delayNanos - looksAtNanos < -EARLY_NANOS;
    boolean isKeepers = !isQuiet || isEarly;
    caller = null;
    state.set(isKeepers ? LEFT : FREE);
    if (isKeepers || keeperWaits || hasTasks.getAsBoolean()) {
      keeperWaits = true;
      wakeKeeper();
    }
  }

  /** {@return the caller who has the loop; null if the keeper has it, or nobody} */
  @Nullable Thread caller() {
    return caller;
  }

  // ---- everyone

  /** There is something to do. Whoever has the loop is woken otherwise. */
  void wakeIfFree() {
    if (state.get() == FREE) {
      keeperWaits = true;
      wakeKeeper();
    }
  }

  private void wakeKeeper() {
    LockSupport.unpark(keeper);
  }

  // ---- the keeper

  /** {@return whether the keeper, who has nothing to do, is to leave the loop to callers} */
  boolean isWanted() {
    return isWanted;
  }

  /**
   * Leaves the loop to callers until there is something to do that is no caller's. The keeper has
   * it again when this returns.
   *
   * @param delayNanos when there is something to do by the clock
   * @param isNeeded whether there is something by now
   */
  void rest(long delayNanos, BooleanSupplier isNeeded) {
    long until = System.nanoTime() + Math.min(delayNanos, LOOK_NANOS);
    looksAtNanos = until;
    keeper = Thread.currentThread();
    keeperWaits = false;
    state.set(FREE);
    boolean isLook = false;
    while (true) {
      long left = until - System.nanoTime();
      isLook |= left <= 0;
      if (isLook || state.get() == LEFT || keeperWaits || isNeeded.getAsBoolean()) {
        keeperWaits = true;
        // Behind that: whoever leaves the loop later sees it, and wakes this.
        int now = state.get();
        if (now != CALLER && state.compareAndSet(now, KEEPER)) {
          break;
        }
      }
      LockSupport.parkNanos(left > 0 ? left : LOOK_NANOS);
      boolean _ = Thread.interrupted(); // Else it would not sleep again.
    }
    keeperWaits = false;
    if (isLook) {
      isWanted = wasTaken;
      wasTaken = false;
    }
  }

  @Override
  public String toString() {
    return switch (state.get()) {
      case FREE -> "free";
      case CALLER -> "a caller's";
      case LEFT -> "left to its thread";
      default -> "its thread's";
    };
  }
}
