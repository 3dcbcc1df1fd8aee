// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Files without a name in any directory, of which the memory of {@link ReservedMemory} and {@link
 * SharedMemory} is, and {@link SharedMapping} at other processes. Programs that this process starts
 * do not get the descriptors.
 */
@SuppressWarnings("restricted") // its arguments are numbers and a text
final class Memfd {
  // linux/memfd.h and linux/fcntl.h, the same on all machines
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int MFD_HUGETLB = 4;
  private static final int MFD_NOEXEC_SEAL = 8;
  private static final int F_ADD_SEALS = 1033;
  private static final int F_GET_SEALS = 1034;
  private static final int F_SEAL_SEAL = 1;
  private static final int F_SEAL_SHRINK = 2;
  private static final int F_SEAL_GROW = 4;
  private static final int F_SEAL_FUTURE_WRITE = 0x10;
  private static final int SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
  private static final int FOR_READERS = SEALS | F_SEAL_FUTURE_WRITE;

  /** Loaded at the first use: old C libraries do not have it. */
  private static final class Creation {
    static final MethodHandle CREATE =
        CapturedErrno.function("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  }

  private static final MethodHandle FTRUNCATE =
      CapturedErrno.function("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle FCNTL =
      CapturedErrno.function(
          "fcntl",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
          Linker.Option.firstVariadicArg(2));

  private Memfd() {}

  /**
   * {@return the descriptor of a new one of so many bytes, to be closed}
   *
   * @param huge whether it is to have huge pages, of which {@code bytes} is a multiple
   * @param sealed whether its size never changes, so that no access to it can be outside
   * @throws NativeCallException if the kernel gives none
   */
  static int of(String name, long bytes, boolean huge, boolean sealed) {
    int fd = create(name, huge ? MFD_HUGETLB : 0);
    try {
      size(fd, bytes);
      if (sealed) {
        seal(fd, SEALS);
      }
      return fd;
    } catch (Throwable t) {
      FfmSystemCalls.SHARED.close(fd);
      throw t;
    }
  }

  private static int create(String name, int more) {
    if (Linker.nativeLinker().defaultLookup().find("memfd_create").isEmpty()) {
      throw new NativeCallException("memfd_create", "name=" + name, Errno.ENOSYS.number());
    }
    // Machines may insist on the last flag, which older kernels do not know.
    int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | more;
    int fd = call(name, flags | MFD_NOEXEC_SEAL);
    if (fd < 0 && CapturedErrno.get() == Errno.EINVAL.number()) {
      fd = call(name, flags);
    }
    if (fd < 0) {
      throw new NativeCallException(
          "memfd_create", "name=%s, flags=%d".formatted(name, flags), CapturedErrno.get());
    }
    return fd;
  }

  private static int call(String name, int flags) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment text = call.allocateFrom(name);
      return (int) Creation.CREATE.invokeExact(CapturedErrno.state(), text, flags);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private static void size(int fd, long bytes) {
    int result;
    try {
      result = (int) FTRUNCATE.invokeExact(CapturedErrno.state(), fd, bytes);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw new NativeCallException("ftruncate", "length=" + bytes, CapturedErrno.get());
    }
  }

  private static void seal(int fd, int seals) {
    if (control(fd, F_ADD_SEALS, seals) < 0) {
      throw new NativeCallException("fcntl", "F_ADD_SEALS, " + seals, CapturedErrno.get());
    }
  }

  /**
   * From now on only who has it mapped already can write to it, and its size never changes.
   *
   * @param fd one that is not sealed
   * @throws NativeCallException if the kernel does not know that, which is older than 5.1
   */
  static void sealForReaders(int fd) {
    seal(fd, FOR_READERS);
  }

  /** {@return whether {@link #sealForReaders} was called of a descriptor's memfd} */
  static boolean isSealedForReaders(int fd) {
    return hasSeals(fd, FOR_READERS);
  }

  /** {@return whether a descriptor is that of a memfd of which the size never changes} */
  static boolean isSealed(int fd) {
    return hasSeals(fd, SEALS);
  }

  private static boolean hasSeals(int fd, int wanted) {
    int seals = control(fd, F_GET_SEALS, 0);
    return seals >= 0 && (seals & wanted) == wanted;
  }

  private static int control(int fd, int command, int argument) {
    try {
      return (int) FCNTL.invokeExact(CapturedErrno.state(), fd, command, argument);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }
}
