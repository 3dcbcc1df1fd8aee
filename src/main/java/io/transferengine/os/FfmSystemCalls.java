// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * {@link SystemCalls} by the C library, for Linux on x86-64 and aarch64. Their numbers are the
 * same, except for that of {@code move_pages}.
 */
@SuppressWarnings("restricted") // calls C; every argument is checked or made here
public final class FfmSystemCalls implements SystemCalls {
  /** It has no state. Made before it is needed: what gives back may have no memory for one. */
  static final FfmSystemCalls SHARED = new FfmSystemCalls();

  // poll.h: struct pollfd {int fd; short events; short revents;}
  static final long POLLFD_BYTES = 8;
  static final long POLLFD_EVENTS = 4;
  private static final long POLLFD_REVENTS = 6;
  static final short POLLIN = 1;

  // sys/eventfd.h
  private static final int EFD_NONBLOCK = 0x800;
  private static final int EFD_CLOEXEC = 0x80000;

  // fcntl.h
  private static final int F_GETFL = 3;
  private static final int F_SETFL = 4;
  private static final int O_NONBLOCK = 0x800;

  static final MethodHandle POLL =
      CapturedErrno.function("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));
  private static final MethodHandle EVENTFD =
      CapturedErrno.function("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
  private static final MethodHandle READ =
      CapturedErrno.function(
          "read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle WRITE =
      CapturedErrno.function(
          "write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
  private static final MethodHandle CLOSE =
      CapturedErrno.function("close", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle FCNTL =
      CapturedErrno.function(
          "fcntl",
          FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT),
          Linker.Option.firstVariadicArg(2));
  private static final MethodHandle MOVE_PAGES =
      CapturedErrno.function(
          "syscall",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS, JAVA_LONG),
          Linker.Option.firstVariadicArg(1));

  @Override
  public void awaitReadable(int[] fds, boolean[] readable, int timeoutMillis) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment polled = arena.allocate(POLLFD_BYTES * fds.length, Integer.BYTES);
      for (int i = 0; i < fds.length; i++) {
        polled.set(JAVA_INT, i * POLLFD_BYTES, fds[i]);
        polled.set(JAVA_SHORT, i * POLLFD_BYTES + POLLFD_EVENTS, POLLIN);
      }
      int ready;
      try {
        ready =
            (int) POLL.invokeExact(CapturedErrno.state(), polled, (long) fds.length, timeoutMillis);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
      int errno = ready < 0 ? CapturedErrno.get() : 0;
      if (ready < 0 && errno != Errno.EINTR.number()) {
        throw new NativeCallException(
            "poll", "nfds=" + fds.length + ", timeout=" + timeoutMillis, errno);
      }
      for (int i = 0; i < fds.length; i++) {
        // After a signal, poll has written nothing: all are zero, as allocated.
        readable[i] = polled.get(JAVA_SHORT, i * POLLFD_BYTES + POLLFD_REVENTS) != 0;
      }
    }
  }

  @Override
  public int eventfd() {
    int flags = EFD_NONBLOCK | EFD_CLOEXEC;
    int fd;
    try {
      fd = (int) EVENTFD.invokeExact(CapturedErrno.state(), 0, flags);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (fd < 0) {
      throw failure("eventfd", "0, flags=0x" + Integer.toHexString(flags));
    }
    return fd;
  }

  @Override
  public void signal(int eventfd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment one = arena.allocateFrom(JAVA_LONG, 1L);
      long written;
      try {
        written = (long) WRITE.invokeExact(CapturedErrno.state(), eventfd, one, (long) Long.BYTES);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
      if (written < 0 && CapturedErrno.get() != Errno.EAGAIN.number()) {
        throw failure("write", "eventfd=" + eventfd);
      }
    }
  }

  @Override
  public void drain(int eventfd) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_LONG);
      long bytes;
      try {
        bytes = (long) READ.invokeExact(CapturedErrno.state(), eventfd, count, (long) Long.BYTES);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
      if (bytes < 0 && CapturedErrno.get() != Errno.EAGAIN.number()) {
        throw failure("read", "eventfd=" + eventfd);
      }
    }
  }

  @Override
  public void close(int fd) {
    int result;
    try {
      result = (int) CLOSE.invokeExact(CapturedErrno.state(), fd);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    // On Linux the descriptor is closed in spite of EINTR.
    if (result < 0 && CapturedErrno.get() != Errno.EINTR.number()) {
      throw failure("close", "fd=" + fd);
    }
  }

  @Override
  public void setNonBlocking(int fd) {
    int flags = fcntl(fd, F_GETFL, 0);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  }

  private static int fcntl(int fd, int command, int argument) {
    int result;
    try {
      result = (int) FCNTL.invokeExact(CapturedErrno.state(), fd, command, argument);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
    if (result < 0) {
      throw failure("fcntl", "fd=" + fd + ", cmd=" + command + ", arg=" + argument);
    }
    return result;
  }

  @Override
  public int nodeOfPage(long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment page = arena.allocateFrom(JAVA_LONG, address);
      MemorySegment status = arena.allocate(JAVA_INT);
      long result;
      try {
        // Process 0 is this one. Without a list of nodes, the call only reports where pages are.
        result =
            (long)
                MOVE_PAGES.invokeExact(
                    CapturedErrno.state(),
                    SystemCallNumbers.MOVE_PAGES,
                    0L,
                    1L,
                    page,
                    MemorySegment.NULL,
                    status,
                    0L);
      } catch (Throwable thrown) {
        throw CapturedErrno.unexpected(thrown);
      }
      if (result < 0) {
        throw failure("move_pages", String.format("page=0x%x", address));
      }
      return status.get(JAVA_INT, 0);
    }
  }

  private static NativeCallException failure(String call, String arguments) {
    return new NativeCallException(call, arguments, CapturedErrno.get());
  }
}
