// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.ProcessMemory;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who copies: the thread that submits what is small or what it does nothing but wait for, and a few
 * threads the rest and what is large, a claim at a time. A task with something left to claim is in
 * the queue once (twice if who waited for it has left it), so several threads work on a large one,
 * and a small one behind it does not wait for its end. Thread-safe.
 */
final class Copies implements TransferTask.Owner {
  private static final Logger log = LoggerFactory.getLogger(Copies.class);

  /** Copied at once: that takes less than waking a thread does. */
  static final long DIRECT_BYTES = 64 << 10;

  /** The same for many blocks. */
  static final int DIRECT_BLOCKS = 16;

  /**
   * Bytes that are copied at once where no call is needed: one claim, which no other thread could
   * share. A copy takes less than waking a thread, and being woken by it.
   */
  static final long MAPPED_DIRECT_BYTES = Copier.BYTES;

  /**
   * Bytes that who waits for them copies without other threads where no call is needed: one that is
   * woken for the second half comes too late to save more than it costs.
   */
  static final long MAPPED_ALONE_BYTES = 2 * Copier.BYTES;

  /**
   * Threads: by calls, one core copies about 5 GB/s, half of what memory gives. So there are two,
   * unless there is one core, and half of the cores where there are many: the program needs some.
   */
  private static final int THREADS = threads(Runtime.getRuntime().availableProcessors());

  private static final int IDLE_SECONDS = 10;

  /** How long requests wait whose peer takes memory back all the time. */
  private static final long LATER_NANOS = 1_000_000;

  /** Copiers that are kept; each has 26 KiB. */
  private static final int KEPT = 16;

  private final ProcessMemory memory;
  private final int ownPid;
  private final TransferException mistake = LocalFaults.mistake();
  private final ThreadPoolExecutor threads;
  private final AtomicInteger number = new AtomicInteger();
  private final ArrayDeque<Copier> kept = new ArrayDeque<>(KEPT + 1);

  Copies(ProcessMemory memory, int ownPid) {
    this.memory = memory;
    this.ownPid = ownPid;
    threads =
        new ThreadPoolExecutor(
            THREADS,
            THREADS,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            work ->
                Thread.ofPlatform()
                    .daemon()
                    .name("te-local-" + number.getAndIncrement())
                    .unstarted(work));
    threads.allowCoreThreadTimeOut(true);
  }

  private static int threads(int cores) {
    return Math.clamp(cores / 2, Math.min(cores, 2), HeldLease.OF_COPY_THREADS);
  }

  /**
   * Ends a task for which our own code threw. Throws nothing.
   *
   * @param format has one place for the peer's name
   */
  void fail(TransferTask task, String format, String peer, Throwable thrown) {
    task.end(TransferState.FAILED, mistake, FailureCause.LOCAL);
    Anyway.error(log, format, peer, thrown);
  }

  /** Works on a task; copies what of it this thread should, and returns. */
  void start(Target target, TransferTask task) {
    task.setOwner(this);
    boolean awaited = task.listener().isAwaitedHere();
    boolean small =
        isWithin(task, DIRECT_BYTES, DIRECT_BLOCKS)
            || (isWithin(task, MAPPED_DIRECT_BYTES, Copier.RANGES) && target.isMapped(task));
    if (awaited && !small && isForSeveral(target, task)) {
      var _ = isQueued(target, task); // others join; without memory this thread does it all
    }
    boolean here = small || awaited;
    if (!here || !copiedHere(target, task, awaited)) {
      queue(target, task);
    }
  }

  private static boolean isWithin(TransferTask task, long bytes, int blocks) {
    return task.totalBytes() <= bytes && task.blockCount() <= blocks;
  }

  private static boolean isForSeveral(Target target, TransferTask task) {
    long bytes = task.totalBytes();
    return bytes > MAPPED_ALONE_BYTES || (bytes > Copier.BYTES && !target.isMapped(task));
  }

  /**
   * Copies one claim, or until nothing is left to claim, nobody may go on, or the thread is told to
   * do something else.
   *
   * @return whether nothing is left to claim
   */
  private boolean copiedHere(Target target, TransferTask task, boolean mayStay) {
    boolean goesOn;
    do {
      int slot = target.acquireSlot(false);
      if (slot < 0) {
        return false;
      }
      try {
        Copier copier = take();
        boolean later = copier.claim(task) > 0 && copier.copy(task, target, slot);
        give(copier);
        // A claim that threw half-way has left something.
        goesOn = mayStay && !later && !threads.isShutdown();
      } finally {
        target.releaseSlot(slot);
      }
    } while (goesOn && task.hasWork() && !Thread.currentThread().isInterrupted());
    return !task.hasWork();
  }

  private void queue(Target target, TransferTask task) {
    try {
      threads.execute(new Turn(target, task));
    } catch (RejectedExecutionException stopped) {
      task.end(TransferState.FAILED, LocalFaults.closed(), FailureCause.SHUTDOWN);
    }
  }

  private final class Turn implements Runnable {
    private final Target target;
    private final TransferTask task;

    Turn(Target target, TransferTask task) {
      this.target = target;
      this.task = task;
    }

    @Override
    public void run() {
      try {
        turn(target, task);
      } catch (Throwable t) {
        fail(task, "Copying for a transfer to {} failed", target.name(), t);
      }
    }
  }

  /** One claim of a task. */
  private void turn(Target target, TransferTask task) {
    int slot = target.acquireSlot(true);
    if (slot < 0) {
      queueLater(target, task);
      return;
    }
    try {
      Copier copier = take();
      boolean claimed = copier.claim(task) > 0;
      boolean later = false;
      if (claimed) {
        // Before the copying: others may join.
        boolean queued = task.hasWork() && isQueued(target, task);
        later = copier.copy(task, target, slot) || !queued;
      }
      give(copier);
      if (!later) {
        return;
      }
    } finally {
      target.releaseSlot(slot);
    }
    queueLater(target, task);
  }

  private void queueLater(Target target, TransferTask task) {
    if (task.hasWork()) {
      LockSupport.parkNanos(LATER_NANOS);
      queue(target, task);
    }
  }

  private boolean isQueued(Target target, TransferTask task) {
    try {
      queue(target, task);
      return true;
    } catch (Throwable noMemory) {
      return false; // Tried again when what is claimed is settled.
    }
  }

  private Copier take() {
    synchronized (kept) {
      Copier known = kept.pollLast();
      if (known != null) {
        return known;
      }
    }
    return new Copier(memory, ownPid, mistake);
  }

  private void give(Copier copier) {
    synchronized (kept) {
      if (kept.size() < KEPT) {
        kept.addLast(copier);
      }
    }
  }

  /** Nothing to do: a copy that is under way ends within moments, and no other begins. */
  @Override
  public void cancelRequests(TransferTask task) {}

  @Override
  public void cutOff(TransferTask task) {
    log.error(
        "A copy between processes does not end: {} threads are copying; {}",
        threads.getActiveCount(),
        task.describe());
  }

  /** Ends what waits, and waits for what is under way; no longer than {@code timeout}. */
  void stop(Duration timeout) {
    for (Runnable left : threads.shutdownNow()) {
      if (left instanceof Turn turn) {
        turn.task.end(TransferState.FAILED, LocalFaults.closed(), FailureCause.SHUTDOWN);
      }
    }
    try {
      if (!threads.awaitTermination(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        log.error("{} copies to other processes have not ended", threads.getActiveCount());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
