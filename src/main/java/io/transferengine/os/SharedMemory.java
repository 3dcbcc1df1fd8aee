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
   * {@return so many bytes}
   *
   * @param name of the memfd, as the kernel shows it
   * @param alignment of their address, a power of two and at least a page
   * @throws NativeCallException if the kernel does not give them
   */
  public static SharedMemory of(String name, long bytes, long alignment) {
    return of(name, bytes, MemoryMaps.pageBytes(), alignment, false);
  }

  /**
   * {@return so many bytes in huge pages of the size that is usual on this machine} The last one is
   * taken as a whole.
   *
   * @param alignment of their address, a power of two; it is that of a huge page at least
   * @throws NativeCallException if the kernel does not give them, as when too few are reserved
   */
  public static SharedMemory ofHugePages(String name, long bytes, long alignment) {
    long page = hugePageBytes();
    return of(name, bytes, page, Math.max(alignment, page), true);
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

  private static SharedMemory of(String name, long bytes, long page, long alignment, boolean huge) {
    long whole = Math.addExact(bytes, page - 1) & -page;
    int fd = Memfd.of(name, whole, huge, true);
    try {
      long address = mapped(fd, whole, alignment);
      try {
        prepare(address, whole, huge);
        return new SharedMemory(address, bytes, whole, fd);
      } catch (Throwable t) {
        MemoryMaps.unmap(address, whole);
        throw t;
      }
    } catch (Throwable t) {
      new FfmSystemCalls().close(fd);
      throw t;
    }
  }

  /** In the place of private memory, for which the kernel looks whether it can have as much. */
  private static long mapped(int fd, long bytes, long alignment) {
    long room = Math.addExact(bytes, alignment);
    long start =
        MemoryMaps.map(
            0,
            room,
            MemoryMaps.PROT_READ_WRITE,
            MemoryMaps.MAP_PRIVATE | MemoryMaps.MAP_ANONYMOUS,
            -1);
    long address = start + alignment - 1 & -alignment;
    try {
      long _ =
          MemoryMaps.map(
              address,
              bytes,
              MemoryMaps.PROT_READ_WRITE,
              MemoryMaps.MAP_SHARED | MemoryMaps.MAP_FIXED,
              fd);
    } catch (Throwable t) {
      MemoryMaps.unmap(start, room);
      throw t;
    }
    if (address > start) {
      MemoryMaps.unmap(start, address - start);
    }
    if (address + bytes < start + room) {
      MemoryMaps.unmap(address + bytes, start + room - address - bytes);
    }
    return address;
  }

  /** Takes the pages now, as other memory that holds zeros: a first touch is no time to run out. */
  private static void prepare(long address, long bytes, boolean huge) {
    int errno = MemoryMaps.advise(address, bytes, MemoryMaps.MADV_DONTFORK);
    if (errno != 0) {
      throw new NativeCallException("madvise", "MADV_DONTFORK", errno);
    }
    if (!huge) {
      // Fewer look-ups of pages, where the machine allows it for such memory.
      int _ = MemoryMaps.advise(address, bytes, MemoryMaps.MADV_HUGEPAGE);
    }
    errno = MemoryMaps.advise(address, bytes, MemoryMaps.MADV_POPULATE_WRITE);
    if (errno != 0 && errno != Errno.EINVAL.number()) {
      throw new NativeCallException("madvise", "MADV_POPULATE_WRITE, length=" + bytes, errno);
    }
    // EINVAL: before Linux 5.14 they come with the first touch.
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
    try {
      MemoryMaps.unmap(memory.address(), mappedBytes);
    } finally {
      new FfmSystemCalls().close(fd);
    }
  }
}
