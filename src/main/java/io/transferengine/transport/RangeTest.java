// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.transfer.BlockColumns;

/** A question about a range of the peer's memory. */
public interface RangeTest {
  /** {@return the answer for the range from {@code from} up to, and without, {@code to}} */
  boolean test(long from, long to);

  /** {@return whether it holds for where any of the blocks lies at the peer} */
  default boolean anyRemote(BlockColumns blocks) {
    for (int i = 0; i < blocks.count(); i++) {
      if (test(blocks.remote(i), blocks.remote(i) + blocks.length(i))) {
        return true;
      }
    }
    return false;
  }
}
