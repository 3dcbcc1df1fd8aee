// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.io.Serial;

/**
 * A call of the driver failed. The text names the call, its arguments and the error: {@code
 * cuMemAlloc_v2(bytes=4096) failed: CUDA_ERROR_OUT_OF_MEMORY (2, out of memory)}.
 */
public final class DeviceException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** CUDA_ERROR_EXTERNAL_DEVICE of newer drivers: the process has to end. */
  private static final int EXTERNAL_DEVICE = 911;

  /** The driver's number for the error. */
  private final int code;

  /**
   * Creates the exception for a failed call.
   *
   * @param call the function's name
   * @param arguments the arguments that matter, as {@code name=value, name=value}
   * @param code the driver's number, not 0
   * @param name the driver's name of it
   * @param text the driver's text for it
   */
  public DeviceException(String call, String arguments, int code, String name, String text) {
    super("%s(%s) failed: %s (%d, %s)".formatted(call, arguments, name, code, text));
    this.code = code;
  }

  /** {@return the driver's number for the error} */
  public int code() {
    return code;
  }

  /** {@return whether the device's memory has no room for what was asked} */
  public boolean isOutOfMemory() {
    return code == Cuda.CUDA_ERROR_OUT_OF_MEMORY();
  }

  /**
   * {@return whether the device's context is lost} Every later call fails with the same error, and
   * only a new process can use the device again.
   */
  public boolean isSticky() {
    boolean fatal =
        code == Cuda.CUDA_ERROR_ILLEGAL_ADDRESS()
            || code == Cuda.CUDA_ERROR_LAUNCH_TIMEOUT()
            || code == Cuda.CUDA_ERROR_INVALID_CONTEXT()
            || code == Cuda.CUDA_ERROR_CONTEXT_IS_DESTROYED()
            || code == Cuda.CUDA_ERROR_ASSERT()
            || (code >= Cuda.CUDA_ERROR_HARDWARE_STACK_ERROR()
                && code <= Cuda.CUDA_ERROR_LAUNCH_FAILED());
    return fatal
        || code == Cuda.CUDA_ERROR_ECC_UNCORRECTABLE()
        || code == Cuda.CUDA_ERROR_NVLINK_UNCORRECTABLE()
        || code == Cuda.CUDA_ERROR_CONTAINED()
        || code == EXTERNAL_DEVICE
        || code == Cuda.CUDA_ERROR_DEINITIALIZED();
  }
}
