// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * A pidfd that is kept. It is of one process, whoever gets the number later.
 *
 * <p>Not it is polled, as a rule, but an epoll that has it: the kernel notes there that the process
 * has ended, before it tells the parent. A look that finds nothing takes as long as the shortest
 * system call, half of what {@code poll} takes.
 *
 * <p>While one thread is just told, the kernel may have taken the note off, and tell another one
 * that there is nothing. So who is told nothing while somebody else looks polls the pidfd itself.
 */
final class ProcessWatch implements Processes.Watch {
  /** Between two tries to close it; a look takes a microsecond. */
  private static final long LATER_NANOS = 10_000;

  // sys/epoll.h: struct epoll_event; on x86-64 it has no padding, and 12 bytes.
  private static final long EPOLL_EVENT_BYTES = 16;
  private static final int EPOLLIN = 1;
  private static final int EPOLL_CLOEXEC = 0x80000;
  private static final int EPOLL_CTL_ADD = 1;

  private static final MethodHandle EPOLL_CREATE =
      CapturedErrno.function("epoll_create1", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
  private static final MethodHandle EPOLL_CTL =
      CapturedErrno.function(
          "epoll_ctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

  /**
   * Never waits, and nobody asks for its errno: so the JVM need not be told of the call, nor copy
   * that. Each copy between processes pays for this.
   */
  private static final MethodHandle EPOLL_WAIT =
      CapturedErrno.shortFunction(
          "epoll_wait", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));

  private final Arena arena;
  private final MemorySegment event;
  private final MemorySegment polled;
  private final int pidfd;
  private final int epoll;
  private final AtomicInteger looking = new AtomicInteger();
  private volatile boolean ended;

  private ProcessWatch(int pidfd, int epoll, Arena arena, MemorySegment event) {
    this.pidfd = pidfd;
    this.epoll = epoll;
    this.arena = arena;
    this.event = event;
    polled = arena.allocate(FfmSystemCalls.POLLFD_BYTES, Integer.BYTES);
    polled.set(JAVA_INT, 0, pidfd);
    polled.set(JAVA_SHORT, FfmSystemCalls.POLLFD_EVENTS, FfmSystemCalls.POLLIN);
  }

  /**
   * {@return one that closes the descriptor in the end}
   *
   * @throws NativeCallException if there is no second descriptor for it; this one stays open then
   */
  static ProcessWatch of(int pidfd) {
    Arena arena = Arena.ofShared();
    int epoll = -1;
    boolean made = false;
    try {
      MemorySegment event = arena.allocate(EPOLL_EVENT_BYTES, Long.BYTES);
      event.set(JAVA_INT, 0, EPOLLIN);
      epoll = checked("epoll_create1", create());
      int _ = checked("epoll_ctl", add(epoll, pidfd, event));
      ProcessWatch watch = new ProcessWatch(pidfd, epoll, arena, event);
      made = true;
      return watch;
    } finally {
      if (!made) {
        if (epoll >= 0) {
          FfmSystemCalls.SHARED.close(epoll);
        }
        arena.close();
      }
    }
  }

  private static int checked(String function, int result) {
    if (result < 0) {
      throw new NativeCallException(function, "of a pidfd", CapturedErrno.get());
    }
    return result;
  }

  private static int create() {
    try {
      return (int) EPOLL_CREATE.invokeExact(CapturedErrno.state(), EPOLL_CLOEXEC);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private static int add(int epoll, int pidfd, MemorySegment event) {
    try {
      return (int) EPOLL_CTL.invokeExact(CapturedErrno.state(), epoll, EPOLL_CTL_ADD, pidfd, event);
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  /** Several threads may share what the calls write: their results tell all. */
  @Override
  public boolean hasEnded() {
    if (ended) {
      return true;
    }
    int _ = looking.incrementAndGet();
    try {
      // Who was told says so before it has looked: the second question comes after the first.
      if (isTold() || (looking.get() > 1 && isPolled())) {
        ended = true;
      }
      return ended;
    } finally {
      int _ = looking.decrementAndGet();
    }
  }

  private boolean isTold() {
    try {
      return (int) EPOLL_WAIT.invokeExact(epoll, event, 1, 0) > 0;
    } catch (IllegalStateException closed) {
      return true;
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  private boolean isPolled() {
    try {
      return (int) FfmSystemCalls.POLL.invokeExact(CapturedErrno.state(), polled, 1L, 0) > 0;
    } catch (IllegalStateException closed) {
      return true;
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  /** First nobody looks any more, for the numbers of the descriptors are used again. */
  @Override
  public void close() {
    boolean isOver = false;
    while (!isOver && arena.scope().isAlive()) {
      try {
        arena.close();
        isOver = true;
      } catch (IllegalStateException inUse) {
        LockSupport.parkNanos(LATER_NANOS);
      }
    }
    if (isOver) {
      FfmSystemCalls.SHARED.close(epoll);
      FfmSystemCalls.SHARED.close(pidfd);
    }
  }
}
