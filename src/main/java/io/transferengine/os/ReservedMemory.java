// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.security.SecureRandom;

/**
 * A range of the address space at a random place, where other processes have nothing. At first
 * nobody can read or write it; parts are opened and closed. Only what was touched takes memory.
 *
 * <p>Opening, closing and {@link #unmap} are for one thread at a time.
 */
@SuppressWarnings("restricted") // maps and unmaps only what it has mapped itself
public final class ReservedMemory {
  // sys/mman.h, the same on x86-64 and aarch64
  private static final int PROT_NONE = 0;
  private static final int PROT_READ_WRITE = 3;
  private static final int MADV_DONTNEED = 4;
  private static final int MAP_PRIVATE = 0x2;
  private static final int MAP_ANONYMOUS = 0x20;
  private static final int MAP_NORESERVE = 0x4000;
  private static final int MAP_FIXED_NOREPLACE = 0x100000;

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
    for (int i = 1; ; i++) {
      long wanted = RANDOM.nextLong(LOWEST, HIGHEST) & -(1L << 16);
      try {
        return map(wanted, bytes);
      } catch (NativeCallException taken) {
        if (i == TRIES) {
          throw taken;
        }
      }
    }
  }

  private static ReservedMemory map(long wanted, long bytes) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    long address;
    try {
      address =
          (long) MMAP.invokeExact(CapturedErrno.state(), wanted, bytes, PROT_NONE, flags, -1, 0L);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    String arguments = "addr=0x%x, length=%d, PROT_NONE".formatted(wanted, bytes);
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
    try {
      // If the kernel does not take the pages back, they are closed all the same.
      int _ =
          (int)
              MADVISE.invokeExact(
                  CapturedErrno.state(), memory.address() + offset, bytes, MADV_DONTNEED);
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
