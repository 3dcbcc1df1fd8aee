// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** What blocks may be, however they are given. */
final class BlockLimits {
  static final int COUNT_LIMIT = 1_000_000;

  private BlockLimits() {}

  static void requireCount(int count) {
    if (count > COUNT_LIMIT) {
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          "A batch of " + count + " blocks is above the limit of " + COUNT_LIMIT,
          "Cut it into several batches");
    }
  }

  static void requireBlock(int index, long local, long remote, long length) {
    if (length < 0 || isBeyond(local, length) || isBeyond(remote, length)) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Block %d of %d bytes from 0x%x to 0x%x is not a range of memory"
              .formatted(index, length, local, remote),
          "Use lengths of 0 or more, and addresses above 0");
    }
  }

  static void requireTotal(long total) {
    if (total < 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT, "The batch has more than 2^63 - 1 bytes", "");
    }
  }

  /** The total of as many blocks of one length. */
  static void requireTotal(int count, long length) {
    long total = count * length;
    requireTotal(Math.multiplyHigh(count, length) == 0 ? total : -1);
  }

  private static boolean isBeyond(long address, long length) {
    return length > 0 && (address <= 0 || address > Long.MAX_VALUE - length);
  }
}
