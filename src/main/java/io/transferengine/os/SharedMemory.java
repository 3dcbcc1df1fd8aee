// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Memory of a memfd that other processes of our user can map as well, through {@code
 * /proc/PID/fd/N}. It holds zeros at first.
 *
 * <p>The memfd is sealed: nobody can change its size, so no access to a mapping of it is outside
 * (SIGBUS). It has a name in no directory, programs that this process starts get neither the
 * descriptor nor the mapping, and it ends with this process.
 */
@SuppressWarnings("restricted") // maps and unmaps only what it has mapped itself
public final class SharedMemory {
  /** What is taken at once. */
  private static final long PIECE_BYTES = 32L << 20;

  private static final Path MEMORY_INFO = Path.of("/proc/meminfo");
  private static final Pattern HUGE_PAGE = Pattern.compile("(?m)^Hugepagesize: +(\\d+) kB$");

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private final long mappedBytes;
  private final int fd;

  private SharedMemory(long address, long bytes, long mappedBytes, int fd) {
    this.memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
    this.mappedBytes = mappedBytes;
    this.fd = fd;
  }

  /**
   * {@return so many bytes in usual pages}
   *
   * @param name of the memfd, as the kernel shows it
   * @throws NativeCallException if the kernel does not give them
   */
  public static SharedMemory of(String name, long bytes) {
    return of(name, bytes, MemoryMaps.pageBytes(), false);
  }

  /**
   * {@return so many bytes in huge pages of the size that is usual on this machine} The last one is
   * taken as a whole. Their address is a multiple of that size.
   *
   * @param name of the memfd, as the kernel shows it
   * @throws NativeCallException if the kernel does not give them, as when too few are reserved
   */
  public static SharedMemory ofHugePages(String name, long bytes) {
    return of(name, bytes, hugePageBytes(), true);
  }

  /**
   * {@return how large a huge page is, if nobody says otherwise}
   *
   * @throws NativeCallException if this kernel has none
   */
  public static long hugePageBytes() {
    try {
      Matcher found = HUGE_PAGE.matcher(Files.readString(MEMORY_INFO, StandardCharsets.ISO_8859_1));
      if (found.find()) {
        return Long.parseLong(found.group(1)) << 10;
      }
    } catch (IOException | RuntimeException unknown) {
      // As if it were not there.
    }
    throw new NativeCallException(
        "memfd_create", "MFD_HUGETLB, no Hugepagesize in " + MEMORY_INFO, Errno.ENOSYS.number());
  }

  private static SharedMemory of(String name, long bytes, long page, boolean huge) {
    long whole = Math.addExact(bytes, page - 1) & -page;
    if (!huge) {
      requireAtAll(whole);
    }
    int fd = Memfd.of(name, whole, huge, true);
    try {
      // Nothing is mapped there before: a mapping that fails may leave a hole in its place.
      long address =
          MemoryMaps.map(0, whole, MemoryMaps.PROT_READ_WRITE, MemoryMaps.MAP_SHARED, fd);
      try {
        prepare(address, whole);
        return new SharedMemory(address, bytes, whole, fd);
      } catch (Throwable t) {
        MemoryMaps.unmap(address, whole);
        throw t;
      }
    } catch (Throwable t) {
      FfmSystemCalls.SHARED.close(fd);
      throw t;
    }
  }

  /** The kernel gives out memfds of any size, and ends a process that fills too large a one. */
  private static void requireAtAll(long bytes) {
    int kind = MemoryMaps.MAP_PRIVATE | MemoryMaps.MAP_ANONYMOUS;
    MemoryMaps.unmap(MemoryMaps.map(0, bytes, MemoryMaps.PROT_READ_WRITE, kind, -1), bytes);
  }

  /** Takes the pages now, as other memory that holds zeros: a first touch is no time to run out. */
  private static void prepare(long address, long bytes) {
    MemoryMaps.keepFromChildren(address, bytes);
    // In pieces: the kernel holds a lock of all our address space meanwhile.
    for (long at = 0; at < bytes; at += PIECE_BYTES) {
      long length = Math.min(PIECE_BYTES, bytes - at);
      int errno = MemoryMaps.advise(address + at, length, MemoryMaps.MADV_POPULATE_WRITE);
      if (errno == Errno.EINVAL.number()) {
        return; // Before Linux 5.14 they come with the first touch.
      }
      if (errno != 0) {
        throw new NativeCallException("madvise", "MADV_POPULATE_WRITE, length=" + length, errno);
      }
    }
  }

  /** {@return all of it} */
  public MemorySegment memory() {
    return memory;
  }

  /** {@return the memfd's descriptor, which is open until {@link #close}} */
  public int descriptor() {
    return fd;
  }

  /**
   * Gives it back. Who uses {@link #memory} then gets an IllegalStateException.
   *
   * @throws IllegalStateException if somebody, such as Java's own I/O, uses a part of it right now;
   *     then nothing was done
   */
  public void close() {
    arena.close();
    // Whatever one step throws, such as for want of memory, the next ones are taken.
    try {
      // Another process may have it mapped, and so would keep it. If the kernel does not do it, it
      // goes with that mapping.
      int _ = MemoryMaps.advise(memory.address(), mappedBytes, MemoryMaps.MADV_REMOVE);
    } finally {
      try {
        MemoryMaps.unmap(memory.address(), mappedBytes);
      } finally {
        FfmSystemCalls.SHARED.close(fd);
      }
    }
  }
}
