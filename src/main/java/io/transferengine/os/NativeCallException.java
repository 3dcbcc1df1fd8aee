// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.io.Serial;

/**
 * A call of a C function failed: a system call, or a verb. The text names the call, its arguments
 * and the error: {@code ibv_reg_mr(addr=0x7f5c00000000, length=4096, access=0x7) failed: ENOMEM
 * (12, Cannot allocate memory)}.
 */
public final class NativeCallException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** The C function's name. */
  private final String call;

  /** Linux' error number; 0 if the call gave none. */
  private final int errno;

  /**
   * Creates the exception for a failed call.
   *
   * @param call the C function's name
   * @param arguments the arguments that matter, as {@code name=value, name=value}
   * @param errno Linux' error number, positive; 0 if the call gave none
   */
  public NativeCallException(String call, String arguments, int errno) {
    super(call + "(" + arguments + ") failed: " + Errno.describe(errno));
    this.call = call;
    this.errno = errno;
  }

  /** {@return the C function's name, such as {@code ibv_reg_mr}} */
  public String call() {
    return call;
  }

  /** {@return Linux' error number; 0 if the call gave none} */
  public int errno() {
    return errno;
  }

  /** {@return the error's symbol, such as {@code ENOMEM}} */
  public String errnoName() {
    return Errno.nameOf(errno);
  }
}
