// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Platform threads for verbs that may take long: connecting a queue pair looks for the neighbour,
 * for a second where there is none. On a virtual thread that would hold its carrier, of which there
 * are as many as processors, and with it every other virtual thread. Thread-safe.
 */
final class ControlThreads implements AutoCloseable {
  /** So many endpoints are connected at once; the others wait. */
  private static final int THREADS = 8;

  private static final long IDLE_SECONDS = 5;

  private final ThreadPoolExecutor threads =
      new ThreadPoolExecutor(
          THREADS,
          THREADS,
          IDLE_SECONDS,
          TimeUnit.SECONDS,
          // Bounded by its callers: handshakes under way are limited on either side.
          new LinkedBlockingQueue<>(),
          Thread.ofPlatform().daemon().name("te-rdma-control-", 0).factory());

  ControlThreads() {
    threads.allowCoreThreadTimeOut(true);
  }

  /** Runs something on one of them; the caller waits, and gets what it returns or throws. */
  <T> T call(Supplier<T> action) {
    boolean interrupted = false;
    var running = ((ExecutorService) threads).submit(action::get);
    try {
      while (true) {
        try {
          return running.get();
        } catch (InterruptedException e) {
          // It ends by itself, and must not be left alone with what it works on.
          interrupted = true;
        } catch (ExecutionException e) {
          if (e.getCause() instanceof RuntimeException thrown) {
            throw thrown;
          }
          throw new IllegalStateException(e.getCause());
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** Lets what runs end by itself; nothing new begins. Idempotent. */
  @Override
  public void close() {
    threads.shutdown();
  }
}
