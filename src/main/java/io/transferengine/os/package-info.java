// SPDX-License-Identifier: Apache-2.0
/**
 * Calls of the C library: {@link io.transferengine.os.SystemCalls} is the seam, {@link
 * io.transferengine.os.FfmSystemCalls} the real one. The package also has the parts that every call
 * of C needs, here or in libibverbs: {@code errno} as the call left it ({@link
 * io.transferengine.os.CapturedErrno}), its numbers ({@link io.transferengine.os.Errno}), and the
 * exception for a failed call ({@link io.transferengine.os.NativeCallException}).
 */
package io.transferengine.os;
