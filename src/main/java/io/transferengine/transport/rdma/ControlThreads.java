// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Platform threads for verbs that may take long: connecting a queue pair looks for the neighbour,
 * for a second where there is none, and making or destroying one waits for the device's firmware.
 * On a virtual thread that would hold its carrier, of which there are as many as processors, and
 * with it every other virtual thread; on a worker it would keep all other requests waiting.
 * Thread-safe.
 */
final class ControlThreads implements AutoCloseable {
  /** So many endpoints are made and connected at once; the others wait. */
  private static final int CONNECTING = 8;

  /** Apart from those, so that an end never waits for a neighbour that does not answer. */
  private static final int ENDING = 2;

  private static final long IDLE_SECONDS = 5;

  private final ThreadPoolExecutor threads;

  private ControlThreads(String name, int count) {
    threads =
        new ThreadPoolExecutor(
            count,
            count,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            // Bounded by its callers: handshakes under way and endpoints are limited.
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name(name, 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /** {@return those that make and connect queue pairs} */
  static ControlThreads connecting() {
    return new ControlThreads("te-rdma-control-", CONNECTING);
  }

  /** {@return those that stop and destroy queue pairs} */
  static ControlThreads ending() {
    return new ControlThreads("te-rdma-ending-", ENDING);
  }

  /** Runs something on one of them, or here when none can be had. It does not throw. */
  void run(Runnable action) {
    try {
      threads.execute(action);
    } catch (RejectedExecutionException | OutOfMemoryError noThread) {
      action.run();
    }
  }

  /** Runs something on one of them; the caller waits, and gets what it returns or throws. */
  <T> T call(Supplier<T> action) {
    boolean interrupted = false;
    Future<T> running;
    try {
      running = ((ExecutorService) threads).submit(action::get);
    } catch (RejectedExecutionException e) {
      throw new TransferException(ErrorCode.CLOSED, "The RDMA transport is not running", "");
    }
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
          if (e.getCause() instanceof Error thrown) {
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
