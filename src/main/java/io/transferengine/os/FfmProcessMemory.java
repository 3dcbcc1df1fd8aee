// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.invoke.MethodHandle;

/** {@link ProcessMemory} by the C library. */
@SuppressWarnings("restricted") // calls C; the kernel checks every address
public final class FfmProcessMemory implements ProcessMemory {
  private static final MethodHandle READ = handle("process_vm_readv");
  private static final MethodHandle WRITE = handle("process_vm_writev");

  /** Loads the functions. */
  public FfmProcessMemory() {}

  private static MethodHandle handle(String name) {
    return CapturedErrno.function(
        name,
        FunctionDescriptor.of(
            JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG));
  }

  @Override
  public long read(int pid, IoVectors into, IoVectors from) {
    return call(READ, pid, into, from);
  }

  @Override
  public long write(int pid, IoVectors from, IoVectors to) {
    return call(WRITE, pid, from, to);
  }

  private static long call(MethodHandle function, int pid, IoVectors ours, IoVectors theirs) {
    long copied;
    try {
      copied =
          (long)
              function.invokeExact(
                  CapturedErrno.state(),
                  pid,
                  ours.array(),
                  (long) ours.count(),
                  theirs.array(),
                  (long) theirs.count(),
                  0L);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    return copied < 0 ? -CapturedErrno.get() : copied;
  }
}
