// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import io.transferengine.transfer.TransferException;
import java.util.OptionalLong;

/** Whether a range is memory of a device, by what the driver knows of its address. */
final class DeviceRange {
  /** Of an attribute. */
  private static final long UNKNOWN = -1;

  private DeviceRange() {}

  /**
   * Checks that a range lies in one allocation of a device that was not freed. The thread has the
   * device's context.
   *
   * @param context the device's
   * @throws TransferException that says what it is instead
   */
  static void require(DeviceLibrary library, int ordinal, long context, long address, long length) {
    String wrong = whatIsWrong(library, ordinal, context, address, length);
    if (!wrong.isEmpty()) {
      throw DeviceErrors.notThere("cuda:" + ordinal, address, length, wrong);
    }
  }

  private static String whatIsWrong(
      DeviceLibrary library, int ordinal, long context, long address, long length) {
    OptionalLong type = library.pointerAttribute(Cuda.CU_POINTER_ATTRIBUTE_MEMORY_TYPE(), address);
    if (type.isEmpty()) {
      return "the driver does not know the address; it may be host memory, or freed";
    }
    if (type.getAsLong() != Cuda.CU_MEMORYTYPE_DEVICE()) {
      return "it is host memory that is known to the driver";
    }
    long owner = attribute(library, Cuda.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL(), address);
    if (owner != ordinal) {
      return "it is memory of cuda:" + owner;
    }
    // The kernel would end the device if it touched that. Some memory belongs to no context.
    long owning = attribute(library, Cuda.CU_POINTER_ATTRIBUTE_CONTEXT(), address);
    if (owning != context && owning != 0 && owning != UNKNOWN) {
      return "it belongs to another context than the device's primary one,"
          + " such as cuCtxCreate makes";
    }
    long start = attribute(library, Cuda.CU_POINTER_ATTRIBUTE_RANGE_START_ADDR(), address);
    long size = attribute(library, Cuda.CU_POINTER_ATTRIBUTE_RANGE_SIZE(), address);
    return address - start > size - length
        ? "the allocation there has %d bytes, from 0x%x on".formatted(size, start)
        : "";
  }

  /** {@return what the driver knows of an address; -1 if it knows nothing} */
  static long attribute(DeviceLibrary library, int attribute, long address) {
    return library.pointerAttribute(attribute, address).orElse(UNKNOWN);
  }
}
