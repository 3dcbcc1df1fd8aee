// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.transfer.TransferException;

/** Tells whether memory is mapped readable and writable. */
public final class MappedMemory {
  private MappedMemory() {}

  /** Refuses a range that is not wholly mapped readable and writable. */
  public static void requireReadableWritable(long address, long length) throws TransferException {
    Ranges.requireValid(address, length);
  }

  /** As above for many ranges, reading the map once. */
  public static void requireAllReadableWritable(long[] addresses, long[] lengths)
      throws TransferException {
    for (int i = 0; i < addresses.length; i++) {
      Ranges.requireValid(addresses[i], lengths[i]);
    }
  }
}
