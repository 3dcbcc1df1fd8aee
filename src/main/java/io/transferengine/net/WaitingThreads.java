// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * Daemon threads for work that waits: for a socket, for another thread, or for a time.
 *
 * <p>They are platform threads. A virtual thread that waits is woken by threads of the JDK that all
 * of a process share, and one OutOfMemoryError ends each of those for good. From then on nobody is
 * woken, and neither a deadline nor an interrupt helps (ADR 40). Stateless.
 */
public final class WaitingThreads {
  /** Threads without work are kept for this long: as good as none once the work is over. */
  private static final long IDLE_MILLIS = 1000;

  private WaitingThreads() {}

  /**
   * Starts a thread; {@return it}
   *
   * @throws OutOfMemoryError if the machine has no thread or no memory for it
   */
  public static Thread start(String name, Runnable work) {
    return Thread.ofPlatform().daemon().name(name).start(work);
  }

  /** {@return threads of one name, none of them started} */
  public static ThreadFactory factory(String name) {
    return Thread.ofPlatform().daemon().name(name).factory();
  }

  /**
   * {@return an executor that gives each task a thread at once, and keeps threads for a second}
   * However long a task waits, it is nobody else's time. How many wait at once is for the callers
   * to limit. It need not be closed.
   *
   * @param name of its threads, before their number
   */
  public static ExecutorService pool(String name) {
    return new ThreadPoolExecutor(
        0,
        Integer.MAX_VALUE,
        IDLE_MILLIS,
        TimeUnit.MILLISECONDS,
        new SynchronousQueue<>(),
        Thread.ofPlatform().daemon().name(name, 0).factory());
  }

  /**
   * {@return the same with a limit: beyond it, tasks wait until another has ended, in their order}
   *
   * @param limit of the tasks at once, two at least
   */
  public static Executor limited(String name, int limit) {
    return new LimitedExecutor(pool(name), limit);
  }
}
