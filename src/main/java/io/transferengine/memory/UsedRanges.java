// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import org.jspecify.annotations.Nullable;

/**
 * The ranges of our memory that a transfer lies in, with one use of each: a single one, as nearly
 * always, for which nothing is made, since it is this itself, or several. Thread-safe.
 *
 * @param <R> a range
 */
public interface UsedRanges<R> {
  /** {@return the range that an address lies in; null if it lies in none of them} */
  @Nullable R at(long address);

  /** {@return the address behind the range that an address lies in; 0 if it lies in none} */
  long endAt(long address);

  /** {@return whether all of them are host memory} */
  boolean areHost();

  /** {@return whether it is a single one, so that to give its use back takes no time} */
  boolean isOne();

  /** Gives one use of each back. */
  void release();
}
