// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Addresses that nothing lies at: who reads or writes there ends the JVM, as on a device. */
@SuppressWarnings("restricted") // mmap and munmap
final class NoTouch {
  private static final int PROT_NONE = 0;
  private static final int MAP_PRIVATE_ANONYMOUS = 0x22;

  private static final MethodHandle MMAP =
      function(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

  private NoTouch() {}

  private static MethodHandle function(String name, FunctionDescriptor descriptor) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), descriptor);
  }

  /** {@return the address of so many bytes, from a page's beginning on} */
  static long reserve(long bytes) {
    long address;
    try {
      address =
          (long)
              MMAP.invokeExact(MemorySegment.NULL, bytes, PROT_NONE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
    if (address == -1) {
      throw new AssertionError("mmap of " + bytes + " bytes failed");
    }
    return address;
  }

  /** Gives them back. */
  static void release(long address, long bytes) {
    try {
      var _ = (int) MUNMAP.invokeExact(address, bytes);
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }
}
