// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;

/** What goes wrong with devices, for the user. */
final class DeviceErrors {
  private DeviceErrors() {}

  static TransferException unknown(MemoryKind kind) {
    return new TransferException(
        ErrorCode.NOT_IMPLEMENTED,
        "This library copies no " + kind,
        "Use host memory, or memory of a CUDA device");
  }

  static TransferException closed() {
    return new TransferException(ErrorCode.CLOSED, "The devices of this engine are closed", "");
  }

  static TransferException noSuch(int ordinal, int count) {
    return new TransferException(
        ErrorCode.DEVICE_NOT_FOUND,
        "There is no device cuda:" + ordinal + ": this process sees " + count + ", from cuda:0 up",
        "CUDA_VISIBLE_DEVICES says which devices a process sees, and in which order");
  }

  static TransferException notThere(String device, long address, long length, String what) {
    return new TransferException(
        ErrorCode.INVALID_ARGUMENT,
        "%d bytes at 0x%x are not memory of %s: %s".formatted(length, address, device, what),
        "Give memory that this process has allocated there and not freed");
  }

  static TransferException notShared(String device, String what) {
    return new TransferException(
        ErrorCode.NOT_IMPLEMENTED,
        "Memory of " + device + " cannot be opened by another process: " + what,
        "It is copied in another way");
  }

  /** Of a call of the driver. */
  static TransferException failed(String device, DeviceException why) {
    if (why.isSticky()) {
      return new TransferException(
          ErrorCode.CONTEXT,
          device + " is lost to this process: " + why.getMessage(),
          "Host memory still works; for this device start a new process",
          why);
    }
    return why.isOutOfMemory()
        ? new TransferException(
            ErrorCode.MEMORY,
            device + " has no memory left: " + why.getMessage(),
            "Free memory there, or ask for less",
            why)
        : new TransferException(ErrorCode.CONTEXT, device + ": " + why.getMessage(), "", why);
  }

  /** Of a call about an event or a stream that may belong to another device. */
  static TransferException ofOthers(String device, DeviceException why) {
    return new TransferException(
        ErrorCode.CONTEXT,
        device + ": " + why.getMessage(),
        "What the program has begun there before may have failed",
        why);
  }

  /** Of asking for an event or a stream of the caller's. */
  static TransferException ofHandle(String what, long handle, TransferException why) {
    boolean wrong =
        why.getCause() instanceof DeviceException driver
            && driver.code() == Cuda.CUDA_ERROR_INVALID_HANDLE();
    return wrong
        ? new TransferException(
            ErrorCode.INVALID_ARGUMENT,
            "0x%x is no %s of the device: %s".formatted(handle, what, why.getMessage()),
            "Give the handle of one that exists, and belongs to the device's primary context",
            why)
        : why;
  }

  /** Of anything else, such as no memory of the heap. */
  static TransferException failed(String device, Throwable why) {
    if (why instanceof TransferException known) {
      return known;
    }
    return why instanceof DeviceException driver
        ? failed(device, driver)
        : new TransferException(
            ErrorCode.MEMORY, device + ": a copy could not be made: " + why, "", why);
  }
}
