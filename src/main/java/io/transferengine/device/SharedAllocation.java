// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.util.List;

/**
 * By which another process of this machine opens an allocation of a device's memory. Whoever has it
 * can read and write all of the allocation.
 *
 * @param handle what the driver gave for it, {@link #HANDLE_WORDS} words
 * @param base where the allocation begins in the process that has made it
 * @param length how long it is in bytes
 * @param process a number of that process, as {@link DeviceLibrary#process}
 * @param ordinal which device it is on, as that process counts
 */
public record SharedAllocation(
    List<Long> handle, long base, long length, long process, int ordinal) {
  /** As long as CUDA's handle is: 64 bytes. */
  public static final int HANDLE_WORDS = 8;

  /** Copies the handle. */
  public SharedAllocation {
    handle = List.copyOf(handle);
    if (handle.size() != HANDLE_WORDS) {
      throw new IllegalArgumentException(handle.size() + " words");
    }
  }

  /** {@return whether a range lies in it} */
  public boolean covers(long address, long bytes) {
    long offset = address - base;
    return Long.compareUnsigned(offset, length) <= 0
        && Long.compareUnsigned(bytes, length - offset) <= 0;
  }
}
