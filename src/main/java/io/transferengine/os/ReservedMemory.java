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
import java.security.SecureRandom;

/**
 * A range of the address space at a random place, where other processes have nothing. Of one of
 * anonymous memory nobody can read or write anything at first; parts are opened and closed. Only
 * what was touched takes memory.
 *
 * <p>Opening, closing and {@link #unmap} are for one thread at a time.
 */
@SuppressWarnings("restricted") // maps and unmaps only what it has mapped itself
public final class ReservedMemory {
  // sys/mman.h and linux/memfd.h, the same on x86-64 and aarch64
  private static final int PROT_NONE = 0;
  private static final int PROT_READ_WRITE = 3;
  private static final int MADV_DONTNEED = 4;
  private static final int MADV_DONTFORK = 10;
  private static final int MAP_SHARED = 0x1;
  private static final int MAP_PRIVATE = 0x2;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;
  private static final int MAP_FIXED_NOREPLACE = 0x100000;
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_NOEXEC_SEAL = 8;

  /**
   * Where: between the heaps of the JVM and of C, which are low, and the libraries, which are high.
   * 46 bits of addresses; there are 2^34 pages.
   */
  private static final long LOWEST = 0x1000_0000_0000L;

  private static final long HIGHEST = 0x5000_0000_0000L;

  /** Tries; there is hardly ever anything in the way. */
  private static final int TRIES = 16;

  private static final SecureRandom RANDOM = new SecureRandom();

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
  private static final MethodHandle MUNMAP =
      CapturedErrno.function("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

  /** Loaded at the first use: old C libraries do not have it. */
  private static final class Memfd {
    static final MethodHandle CREATE =
        CapturedErrno.function("memfd_create", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT));
  }

  private static final MethodHandle FTRUNCATE =
      CapturedErrno.function("ftruncate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle PAGE_SIZE =
      Linker.nativeLinker()
          .downcallHandle(
              Linker.nativeLinker().defaultLookup().findOrThrow("getpagesize"),
              FunctionDescriptor.of(JAVA_INT));

  /** Closed before the memory goes: who comes later gets an exception, not a crash. */
  private final Arena arena = Arena.ofShared();

  private final MemorySegment memory;

  private ReservedMemory(long address, long bytes) {
    this.memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
  }

  /** {@return the size of a page on this machine, in bytes} */
  public static int pageBytes() {
    try {
      return (int) PAGE_SIZE.invokeExact();
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  /**
   * {@return so many bytes at a random place, all closed}
   *
   * @throws NativeCallException if the kernel has no such place
   */
  public static ReservedMemory ofBytes(long bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    return somewhere(bytes, PROT_NONE, flags, -1);
  }

  /**
   * {@return so many bytes at a random place, of a memfd, which can all be read and written} The
   * descriptor is closed, a child process does not get the mapping, and it ends with this process.
   * What is left are lines in {@code /proc/self/maps} with the name ({@link
   * Processes#memfdDevice}).
   *
   * @throws NativeCallException if the kernel has no such place, or does not know memfds
   */
  public static ReservedMemory ofMemfd(String name, long bytes) {
    int fd = memfd(name);
    try {
      size(fd, bytes);
      int flags = MAP_SHARED | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
      ReservedMemory made = somewhere(bytes, PROT_READ_WRITE, flags, fd);
      if (advise(made.address(), bytes, MADV_DONTFORK) < 0) {
        int errno = CapturedErrno.get();
        made.unmap();
        throw new NativeCallException("madvise", "MADV_DONTFORK", errno);
      }
      return made;
    } finally {
      new FfmSystemCalls().close(fd);
    }
  }

  private static int memfd(String name) {
    if (Linker.nativeLinker().defaultLookup().find("memfd_create").isEmpty()) {
      throw new NativeCallException("memfd_create", "name=" + name, Errno.ENOSYS.number());
    }
    // Machines may insist on the flag that older kernels do not know.
    int fd = memfd(name, MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (fd < 0 && CapturedErrno.get() == Errno.EINVAL.number()) {
      fd = memfd(name, MFD_CLOEXEC);
    }
    if (fd < 0) {
      throw new NativeCallException("memfd_create", "name=" + name, CapturedErrno.get());
    }
    return fd;
  }

  private static int memfd(String name, int flags) {
    try (Arena call = Arena.ofConfined()) {
      MemorySegment text = call.allocateFrom(name);
      return (int) Memfd.CREATE.invokeExact(CapturedErrno.state(), text, flags);
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

  private static ReservedMemory somewhere(long bytes, int protection, int flags, int fd) {
    for (int i = 1; ; i++) {
      long wanted = RANDOM.nextLong(LOWEST, HIGHEST) & -(1L << 16);
      try {
        return map(wanted, bytes, protection, flags, fd);
      } catch (NativeCallException taken) {
        if (i == TRIES) {
          throw taken;
        }
      }
    }
  }

  private static ReservedMemory map(long wanted, long bytes, int protection, int flags, int fd) {
    long address;
    try {
      address =
          (long) MMAP.invokeExact(CapturedErrno.state(), wanted, bytes, protection, flags, fd, 0L);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    String arguments = "addr=0x%x, length=%d, prot=%d".formatted(wanted, bytes, protection);
    if (address == -1) {
      throw new NativeCallException("mmap", arguments, CapturedErrno.get());
    }
    if (address != wanted) {
      // A kernel before 4.17 takes the place for a wish.
      unmap(address, bytes);
      throw new NativeCallException("mmap", arguments, Errno.EEXIST.number());
    }
    try {
      return new ReservedMemory(address, bytes);
    } catch (Throwable t) {
      unmap(address, bytes);
      throw t;
    }
  }

  /** {@return all of it; reading or writing a closed part ends the process} */
  public MemorySegment memory() {
    return memory;
  }

  /** {@return where it begins} */
  public long address() {
    return memory.address();
  }

  /** Lets a part be read and written, by this process and others; it has zeros at first. */
  public void open(long offset, long bytes) {
    protect(offset, bytes, PROT_READ_WRITE);
  }

  /**
   * Ends that: from its return on, calls of other processes that begin fail there. What was in the
   * part is lost, and takes no memory any more.
   */
  public void close(long offset, long bytes) {
    protect(offset, bytes, PROT_NONE);
    // If the kernel does not take the pages back, they are closed all the same.
    int _ = advise(memory.address() + offset, bytes, MADV_DONTNEED);
  }

  private static int advise(long address, long bytes, int advice) {
    try {
      return (int) MADVISE.invokeExact(CapturedErrno.state(), address, bytes, advice);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private void protect(long offset, long bytes, int protection) {
    MemorySegment part = memory.asSlice(offset, bytes);
    int result;
    try {
      result = (int) MPROTECT.invokeExact(CapturedErrno.state(), part.address(), bytes, protection);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw new NativeCallException(
          "mprotect",
          "addr=0x%x, length=%d, prot=%d".formatted(part.address(), bytes, protection),
          CapturedErrno.get());
    }
  }

  /** Gives it back. Who uses {@link #memory} then gets an IllegalStateException. */
  public void unmap() {
    arena.close();
    unmap(memory.address(), memory.byteSize());
  }

  private static void unmap(long address, long bytes) {
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
