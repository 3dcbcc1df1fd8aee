// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/**
 * Our mapping of a sealed memfd of another process of our user. It stays when that process ends,
 * and so does the memory, until it is closed. A child process does not get it.
 */
@SuppressWarnings("restricted") // maps and unmaps only what it has mapped itself
public final class SharedMapping {
  // fcntl.h; those that differ between machines are not used
  private static final int O_RDONLY = 0;
  private static final int O_RDWR = 2;
  private static final int O_NOCTTY = 0x100;
  private static final int O_NONBLOCK = 0x800;
  private static final int O_CLOEXEC = 0x80000;

  private static final MethodHandle OPEN =
      CapturedErrno.function(
          "open",
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT),
          Linker.Option.firstVariadicArg(2));

  /** Between two tries to close it. A copy of 1 MiB takes some five times as long. */
  private static final long LATER_NANOS = 10_000;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;

  private SharedMapping(long address, long bytes) {
    this.memory = MemorySegment.ofAddress(address).reinterpret(bytes, arena, null);
  }

  /**
   * Maps the first bytes of a memfd.
   *
   * @param pid whose it is
   * @param fd its descriptor there
   * @param file which one it has to be
   * @throws NativeCallException if it is not that one, not sealed, shorter, or cannot be mapped
   */
  public static SharedMapping of(int pid, int fd, Processes.MemfdFile file, long bytes) {
    return of(pid, fd, file, bytes, false);
  }

  /**
   * Maps the first bytes of a memfd to which nobody can write but who had it mapped before it was
   * sealed; they can only be read here, too.
   *
   * @throws NativeCallException as {@link #of}, and if others could write to it
   */
  static SharedMapping toRead(int pid, int fd, Processes.MemfdFile file, long bytes) {
    return of(pid, fd, file, bytes, true);
  }

  private static SharedMapping of(
      int pid, int fd, Processes.MemfdFile file, long bytes, boolean toRead) {
    Path link = Path.of("/proc/" + pid + "/fd/" + fd);
    // First a look: to open some files has effects.
    requireFile(link, file, bytes);
    int own = open(link, toRead ? O_RDONLY : O_RDWR);
    try {
      // What was opened may be another one by then.
      requireFile(Path.of("/proc/self/fd/" + own), file, bytes);
      if (!(toRead ? Memfd.isSealedForReaders(own) : Memfd.isSealed(own))) {
        throw new NativeCallException("fcntl", link + ": not sealed", Errno.EINVAL.number());
      }
      return mapped(own, bytes, toRead ? MemoryMaps.PROT_READ : MemoryMaps.PROT_READ_WRITE);
    } finally {
      FfmSystemCalls.SHARED.close(own);
    }
  }

  private static SharedMapping mapped(int fd, long bytes, int protection) {
    long address = MemoryMaps.map(0, bytes, protection, MemoryMaps.MAP_SHARED, fd);
    try {
      MemoryMaps.keepFromChildren(address, bytes);
      return new SharedMapping(address, bytes);
    } catch (Throwable t) {
      MemoryMaps.unmap(address, bytes);
      throw t;
    }
  }

  private static void requireFile(Path link, Processes.MemfdFile file, long bytes) {
    try {
      long inode = ((Number) Files.getAttribute(link, "unix:ino")).longValue();
      if (inode == file.inode() && Files.size(link) >= bytes) {
        return;
      }
    } catch (IOException | RuntimeException unknown) {
      throw new NativeCallException("stat", link + ": " + unknown, Errno.ENOENT.number());
    }
    throw new NativeCallException("stat", link + ": another file", Errno.ENOENT.number());
  }

  private static int open(Path link, int access) {
    int fd;
    try (Arena call = Arena.ofConfined()) {
      MemorySegment text = call.allocateFrom(link.toString());
      int flags = access | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
      fd = (int) OPEN.invokeExact(CapturedErrno.state(), text, flags);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (fd < 0) {
      throw new NativeCallException("open", link.toString(), CapturedErrno.get());
    }
    return fd;
  }

  /** {@return all of it} */
  public MemorySegment memory() {
    return memory;
  }

  /**
   * Ends it. Who uses {@link #memory} then gets an IllegalStateException; calls that do so now
   * ({@link MemoryCopy}) are waited for, so others should not begin.
   */
  public void close() {
    boolean isOver = false;
    while (!isOver) {
      try {
        arena.close();
        isOver = true;
      } catch (IllegalStateException | OutOfMemoryError inUse) {
        if (!arena.scope().isAlive()) {
          throw inUse; // It was closed before.
        }
        LockSupport.parkNanos(LATER_NANOS);
      }
    }
    MemoryMaps.unmap(memory.address(), memory.byteSize());
  }
}
