// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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
  /**
   * Where: between the heaps of the JVM and of C, which are low, and the libraries, which are high.
   * 46 bits of addresses; there are 2^34 pages.
   */
  private static final long LOWEST = 0x1000_0000_0000L;

  private static final long HIGHEST = 0x5000_0000_0000L;

  /** Tries; there is hardly ever anything in the way. */
  private static final int TRIES = 16;

  private static final SecureRandom RANDOM = new SecureRandom();

  /** Closed before the memory goes: who comes later gets an exception, not a crash. */
  private final Arena arena = Arena.ofShared();

  private final MemorySegment memory;

  /** -1: there is none. */
  private final int fd;

  private ReservedMemory(long address, long bytes, int fd) {
    this.fd = fd;
    this.memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
  }

  /** {@return the size of a page on this machine, in bytes} */
  public static int pageBytes() {
    return MemoryMaps.pageBytes();
  }

  /**
   * {@return so many bytes at a random place, all closed}
   *
   * @throws NativeCallException if the kernel has no such place
   */
  public static ReservedMemory ofBytes(long bytes) {
    int flags =
        MemoryMaps.MAP_PRIVATE
            | MemoryMaps.MAP_ANONYMOUS
            | MemoryMaps.MAP_NORESERVE
            | MemoryMaps.MAP_FIXED_NOREPLACE;
    return somewhere(bytes, MemoryMaps.PROT_NONE, flags, -1);
  }

  /**
   * {@return so many bytes of no file, which can all be read and written; zeros at first} They are
   * at a random place if the address space has that range, which is small on some machines.
   *
   * <p>For what is large and comes back: the C library keeps what it has given out once, up to 32
   * MiB of it for each of its arenas, of which threads that come and go use one after another.
   *
   * @throws NativeCallException if the kernel does not give it
   */
  public static ReservedMemory ofOpenBytes(long bytes) {
    int flags = MemoryMaps.MAP_PRIVATE | MemoryMaps.MAP_ANONYMOUS;
    try {
      return somewhere(
          bytes, MemoryMaps.PROT_READ_WRITE, flags | MemoryMaps.MAP_FIXED_NOREPLACE, -1);
    } catch (NativeCallException notThere) {
      return map(0, bytes, MemoryMaps.PROT_READ_WRITE, flags, -1);
    }
  }

  /**
   * {@return so many bytes at a random place, of a sealed memfd, which can all be read and written}
   * Other processes of our user can map it, too ({@link SharedMapping}). A child process gets
   * neither the mapping nor the descriptor, and it ends with this process. What is left are lines
   * in {@code /proc/self/maps} with the name ({@link Processes#memfd}).
   *
   * @throws NativeCallException if the kernel has no such place, or does not know memfds
   */
  public static ReservedMemory ofMemfd(String name, long bytes) {
    int fd = Memfd.of(name, bytes, false, true);
    try {
      int flags = MemoryMaps.MAP_SHARED | MemoryMaps.MAP_NORESERVE | MemoryMaps.MAP_FIXED_NOREPLACE;
      ReservedMemory made = somewhere(bytes, MemoryMaps.PROT_READ_WRITE, flags, fd);
      try {
        MemoryMaps.keepFromChildren(made.address(), bytes);
        return made;
      } catch (Throwable t) {
        MemoryMaps.unmap(made.address(), bytes);
        throw t;
      }
    } catch (Throwable t) {
      FfmSystemCalls.SHARED.close(fd);
      throw t;
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

  /** At an address; 0 lets the kernel choose. */
  private static ReservedMemory map(long wanted, long bytes, int protection, int flags, int fd) {
    long address = MemoryMaps.map(wanted, bytes, protection, flags, fd);
    if (address != wanted && wanted != 0) {
      // A kernel before 4.17 takes the place for a wish.
      MemoryMaps.unmap(address, bytes);
      throw new NativeCallException(
          "mmap", MemoryMaps.shown(wanted, bytes, protection), Errno.EEXIST.number());
    }
    try {
      return new ReservedMemory(address, bytes, fd);
    } catch (Throwable t) {
      MemoryMaps.unmap(address, bytes);
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

  /** {@return the memfd's descriptor, open until {@link #unmap}; -1 if this is of none} */
  public int descriptor() {
    return fd;
  }

  /** Lets a part be read and written, by this process and others; it has zeros at first. */
  public void open(long offset, long bytes) {
    protect(offset, bytes, MemoryMaps.PROT_READ_WRITE);
  }

  /**
   * Ends that: from its return on, calls of other processes that begin fail there. What was in the
   * part is lost, and takes no memory any more.
   */
  public void close(long offset, long bytes) {
    protect(offset, bytes, MemoryMaps.PROT_NONE);
    // If the kernel does not take the pages back, they are closed all the same.
    int _ = MemoryMaps.advise(memory.address() + offset, bytes, MemoryMaps.MADV_DONTNEED);
  }

  private void protect(long offset, long bytes, int protection) {
    MemorySegment part = memory.asSlice(offset, bytes);
    MemoryMaps.protect(part.address(), bytes, protection);
  }

  /** Gives it back. Who uses {@link #memory} then gets an IllegalStateException. */
  public void unmap() {
    arena.close();
    MemoryMaps.unmap(memory.address(), memory.byteSize());
    if (fd >= 0) {
      FfmSystemCalls.SHARED.close(fd);
    }
  }
}
