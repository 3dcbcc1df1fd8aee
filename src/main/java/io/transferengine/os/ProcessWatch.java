// SPDX-License-Identifier: Apache-2.0
package io.transferengine.os;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;

/** A pidfd that is kept. It is of one process, whoever gets the number later. */
final class ProcessWatch implements Processes.Watch {
  /** Between two tries to close it; a look takes a microsecond. */
  private static final long LATER_NANOS = 10_000;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment polled;
  private final int pidfd;

  /** One that closes the descriptor in the end. */
  ProcessWatch(int pidfd) {
    this.pidfd = pidfd;
    polled = arena.allocate(FfmSystemCalls.POLLFD_BYTES, Integer.BYTES);
    polled.set(JAVA_INT, 0, pidfd);
    polled.set(JAVA_SHORT, FfmSystemCalls.POLLFD_EVENTS, FfmSystemCalls.POLLIN);
  }

  /** Several threads may share what poll writes: its result tells all. */
  @Override
  public boolean hasEnded() {
    try {
      return (int) FfmSystemCalls.POLL.invokeExact(CapturedErrno.state(), polled, 1L, 0) > 0;
    } catch (IllegalStateException closed) {
      return true;
    } catch (Throwable thrown) {
      throw CapturedErrno.unexpected(thrown);
    }
  }

  /** First nobody looks any more, for the number of the descriptor is used again. */
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
      FfmSystemCalls.SHARED.close(pidfd);
    }
  }
}
