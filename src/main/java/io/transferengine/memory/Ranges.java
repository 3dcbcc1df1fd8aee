// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;

/** What the classes of this package say and check about an address and a length. */
final class Ranges {
  private Ranges() {}

  /** {@return the range as error texts show it: {@code [0x1000, 0x2000) (4096 bytes)}} */
  static String text(long address, long length) {
    return "["
        + hex(address)
        + ", "
        + hex(address + length)
        + ") ("
        + length
        + (length == 1 ? " byte)" : " bytes)");
  }

  static String hex(long address) {
    return "0x" + Long.toHexString(address);
  }

  /**
   * Refuses columns of unequal length, and what cannot be a range of memory.
   *
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT}
   */
  static void requireAllValid(long[] addresses, long[] lengths) {
    if (addresses.length != lengths.length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          addresses.length + " addresses but " + lengths.length + " lengths",
          "Give one length for each address.");
    }
    for (int i = 0; i < addresses.length; i++) {
      requireValid(addresses[i], lengths[i]);
    }
  }

  /**
   * Refuses what cannot be a range of memory.
   *
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT}
   */
  static void requireValid(long address, long length) {
    if (length <= 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Length " + length + " of the memory at " + hex(address) + " is not positive",
          "Give the number of bytes, at least 1.");
    }
    if (address <= 0) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Address " + hex(address) + " is not one of this process",
          "Give MemorySegment.address() of native memory.");
    }
    if (address > Long.MAX_VALUE - length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "Memory at " + hex(address) + " with " + length + " bytes ends beyond the address space",
          "Check address and length; their sum must stay below 2^63.");
    }
  }
}
