// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * Reads a file that somebody else may replace at any moment, with a pipe, say: Java waits in {@code
 * open} until somebody writes to that, however short before it was looked at.
 */
@SuppressWarnings("restricted") // calls C; every argument is checked or made here
public final class UnwaitedFile {
  // fcntl.h
  private static final int O_NONBLOCK = 0x800;
  private static final int O_CLOEXEC = 0x80000;

  /** On x86-64 and on aarch64 each; to the other it is O_LARGEFILE, which changes nothing. */
  private static final int O_NOFOLLOW = 0x20000 | 0x8000;

  /** Reading only is 0. */
  private static final int FLAGS = O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;

  private static final MethodHandle OPEN =
      CapturedErrno.function(
          "open",
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle READ =
      CapturedErrno.function(
          "read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));

  private UnwaitedFile() {}

  /**
   * {@return the first bytes of a file, as many as there are, but no more than {@code limitBytes}}
   * It follows no link, and waits for nobody.
   *
   * @throws NoSuchFileException if it is not there
   * @throws IOException if it cannot be read
   */
  public static byte[] read(Path file, int limitBytes) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment into = arena.allocate(limitBytes);
      int fd = open(arena, file);
      long length;
      try {
        length = read(fd, into, file);
      } finally {
        FfmSystemCalls.SHARED.close(fd);
      }
      return into.asSlice(0, length).toArray(JAVA_BYTE);
    }
  }

  private static int open(Arena arena, Path file) throws IOException {
    MemorySegment name = arena.allocateFrom(file.toString());
    int fd;
    try {
      fd = (int) OPEN.invokeExact(CapturedErrno.state(), name, FLAGS);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (fd < 0) {
      int errno = CapturedErrno.get();
      if (errno == Errno.ENOENT.number()) {
        throw new NoSuchFileException(file.toString());
      }
      throw new IOException(file + " cannot be opened: " + Errno.describe(errno));
    }
    return fd;
  }

  private static long read(int fd, MemorySegment into, Path file) throws IOException {
    long length = 0;
    while (length < into.byteSize()) {
      long count;
      try {
        count =
            (long)
                READ.invokeExact(
                    CapturedErrno.state(), fd, into.asSlice(length), into.byteSize() - length);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
      if (count < 0) {
        throw new IOException(file + " cannot be read: " + Errno.describe(CapturedErrno.get()));
      }
      if (count == 0) {
        break;
      }
      length += count;
    }
    return length;
  }
}
