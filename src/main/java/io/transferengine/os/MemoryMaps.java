// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/** The calls that make, change and end mappings. */
@SuppressWarnings("restricted") // used by classes that map and unmap only what is theirs
final class MemoryMaps {
  // sys/mman.h, the same on x86-64 and aarch64
  static final int PROT_NONE = 0;
  static final int PROT_READ = 1;
  static final int PROT_READ_WRITE = 3;
  static final int MADV_DONTNEED = 4;
  static final int MADV_REMOVE = 9;
  private static final int MADV_DONTFORK = 10;
  static final int MADV_POPULATE_WRITE = 23;
  static final int MAP_SHARED = 0x1;
  static final int MAP_PRIVATE = 0x2;
  static final int MAP_ANONYMOUS = 0x20;
  static final int MAP_NORESERVE = 0x4000;
  static final int MAP_FIXED_NOREPLACE = 0x100000;

  private static final MethodHandle MMAP =
      CapturedErrno.function(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MPROTECT =
      CapturedErrno.function(
          "mprotect", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MADVISE =
      CapturedErrno.function(
          "madvise", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT));
  private static final MethodHandle MLOCK =
      CapturedErrno.function("mlock", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      CapturedErrno.function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));
  private static final MethodHandle PAGE_SIZE =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("getpagesize"),
              FunctionDescriptor.of(JAVA_INT));

  private MemoryMaps() {}

  /** {@return the size of a page on this machine, in bytes} */
  static int pageBytes() {
    try {
      return (int) PAGE_SIZE.invokeExact();
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  /** {@return the address of a new mapping} */
  static long map(long wanted, long bytes, int protection, int flags, int fd) {
    long address;
    try {
      address =
          (long) MMAP.invokeExact(CapturedErrno.state(), wanted, bytes, protection, flags, fd, 0L);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (address == -1) {
      throw new NativeCallException("mmap", shown(wanted, bytes, protection), CapturedErrno.get());
    }
    return address;
  }

  static String shown(long address, long bytes, int protection) {
    return "addr=0x%x, length=%d, prot=%d".formatted(address, bytes, protection);
  }

  static void protect(long address, long bytes, int protection) {
    int result;
    try {
      result = (int) MPROTECT.invokeExact(CapturedErrno.state(), address, bytes, protection);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw new NativeCallException(
          "mprotect", shown(address, bytes, protection), CapturedErrno.get());
    }
  }

  /** {@return 0, or the errno} */
  static int advise(long address, long bytes, int advice) {
    int result;
    try {
      result = (int) MADVISE.invokeExact(CapturedErrno.state(), address, bytes, advice);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    return result < 0 ? CapturedErrno.get() : 0;
  }

  /** Children of this process do not get a mapping. */
  static void keepFromChildren(long address, long bytes) {
    int errno = advise(address, bytes, MADV_DONTFORK);
    if (errno != 0) {
      throw new NativeCallException("madvise", "MADV_DONTFORK", errno);
    }
  }

  /** Takes the pages of a mapping now, and keeps them in memory as long as it is there. */
  static void lock(long address, long bytes) {
    int result;
    try {
      result = (int) MLOCK.invokeExact(CapturedErrno.state(), address, bytes);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw new NativeCallException(
          "mlock", "addr=0x%x, length=%d".formatted(address, bytes), CapturedErrno.get());
    }
  }

  static void unmap(long address, long bytes) {
    int result;
    try {
      result = (int) MUNMAP.invokeExact(CapturedErrno.state(), address, bytes);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw new NativeCallException(
          "munmap", "addr=0x%x, length=%d".formatted(address, bytes), CapturedErrno.get());
    }
  }
}
