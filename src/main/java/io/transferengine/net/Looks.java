// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.util.concurrent.TimeUnit;

/**
 * Whether it pays to look for something again and again before one sleeps, as far as experience
 * tells. Looks in vain cost a processor that nobody else wanted. Those in which the processor was
 * away cost time: a thread that sleeps is woken sooner than one that has given up its processor to
 * a busy program gets it back. Not thread-safe.
 */
public final class Looks {
  private static final int SLEPT_MAX = 1023;

  /** What one that pays saves at least: to be woken. */
  private static final long SAVED_NANOS = TimeUnit.MICROSECONDS.toNanos(10);

  /** What was saved before counts no more than this, so that a change is soon found out. */
  private static final long SAVED_NANOS_MAX = TimeUnit.MILLISECONDS.toNanos(10);

  /** Where so many pay, what takes the processor now and then does no harm. */
  private static final int PAID_OFTEN = 100;

  /** So many waits are slept through. */
  private int toSleep;

  /** So many were, the last time. */
  private int slept;

  /** By those that paid, less what was lost. */
  private long savedNanos;

  /** How many have paid since the last loss. */
  private int paid;

  /** As if all had been well. */
  public Looks() {}

  /** {@return whether the next wait is to begin with looks} To be asked once for each. */
  public boolean areDue() {
    if (toSleep == 0) {
      return true;
    }
    toSleep--;
    return false;
  }

  /** What was looked for came. */
  public void havePaid() {
    slept /= 2;
    paid = Math.min(PAID_OFTEN, paid + 1);
    savedNanos = Math.min(SAVED_NANOS_MAX, savedNanos + SAVED_NANOS);
  }

  /** It did not come in time: the next waits are slept through, more each time. */
  public void wereInVain() {
    if (toSleep == 0) {
      slept = Math.min(SLEPT_MAX, slept * 2 + 1);
      toSleep = slept;
    }
  }

  /**
   * {@return whether that is more than looks have saved}
   *
   * @param awayNanos for so long somebody else had the processor
   */
  public boolean areALoss(long awayNanos) {
    savedNanos -= awayNanos;
    if (savedNanos >= 0) {
      return false;
    }
    savedNanos = 0;
    return true;
  }

  /** {@return whether hardly any has paid since this was last asked} To be asked at a loss. */
  public boolean haveSeldomPaid() {
    boolean seldom = paid < PAID_OFTEN;
    paid = 0;
    return seldom;
  }
}
