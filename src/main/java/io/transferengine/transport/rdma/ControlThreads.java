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
 * Threads for verbs that may take long. To connect a queue pair, the kernel looks for the
 * neighbour, which takes a second if it does not answer. Making or destroying a queue pair waits
 * for the device's firmware. On a worker, all other requests would wait. Thread-safe.
 */
final class ControlThreads implements AutoCloseable {
  /** How many endpoints are made and connected at once. The others wait. */
  private static final int CONNECTING = 8;

  /**
   * Separate threads, so that ending an endpoint never waits for a neighbour that does not answer.
   */
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
            // The callers bound it: the handshakes under way and the endpoints are limited.
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().daemon().name(name, 0).factory());
    threads.allowCoreThreadTimeOut(true);
  }

  /** {@return threads that make and connect queue pairs} */
  static ControlThreads connecting() {
    return new ControlThreads("te-rdma-control-", CONNECTING);
  }

  /** {@return threads that stop and destroy queue pairs} */
  static ControlThreads ending() {
    return new ControlThreads("te-rdma-ending-", ENDING);
  }

  /**
   * Runs an action, which must not throw, on one of the threads; on the caller's thread if none can
   * be started.
   */
  void run(Runnable action) {
    try {
      threads.execute(action);
    } catch (RejectedExecutionException | OutOfMemoryError noThread) {
      action.run();
    }
  }

  /**
   * Runs an action on one of the threads and waits for it. Returns or throws what the action does.
   */
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
          // The action ends by itself. Until then it uses what the caller gave it, so we wait.
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

  /** Accepts no more actions. Those that run end by themselves. Idempotent. */
  @Override
  public void close() {
    threads.shutdown();
  }
}
