// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.FailureCause;
import io.transferengine.os.ProcessMemory;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
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
 * Works on the tasks that copy memory of devices, a claim at a time, on threads that wait for the
 * device; as {@link Copies} does for host memory. Thread-safe.
 */
final class DeviceCopies implements TransferTask.Owner {
  private static final Logger log = LoggerFactory.getLogger(DeviceCopies.class);

  /** While one waits for its copy the other begins the next. */
  private static final int THREADS = 2;

  private static final int IDLE_SECONDS = 10;

  /** How long requests wait that nobody can copy just now. */
  private static final long LATER_NANOS = 1_000_000;

  /** Goes on with a task by another transport, or ends it. */
  @FunctionalInterface
  interface Elsewhere {
    /** None of our threads has anything of the task any more. */
    void go(PeerAddress peer, TransferTask task, String why);
  }

  private final ProcessMemory memory;
  private final int ownPid;
  private final OurDevices ours;
  private final Elsewhere elsewhere;
  private final TransferException mistake = LocalFaults.mistake();
  private final ThreadPoolExecutor threads;
  private final AtomicInteger number = new AtomicInteger();

  // Guarded by itself, as is the next.
  private final ArrayDeque<DeviceCopier> kept = new ArrayDeque<>(THREADS + 1);
  private boolean stopped;

  DeviceCopies(ProcessMemory memory, int ownPid, OurDevices ours, Elsewhere elsewhere) {
    this.memory = memory;
    this.ownPid = ownPid;
    this.ours = ours;
    this.elsewhere = elsewhere;
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
                    .name("te-local-device-" + number.getAndIncrement())
                    .unstarted(work));
    threads.allowCoreThreadTimeOut(true);
  }

  /** A task, and how many of our threads have requests of it. */
  private final class Job implements Runnable {
    private final Target target;
    private final PeerAddress peer;
    private final TransferTask task;

    // Guarded by this.
    private int atWork;
    private String why = "";
    private boolean handedOver;

    Job(Target target, PeerAddress peer, TransferTask task) {
      this.target = target;
      this.peer = peer;
      this.task = task;
    }

    @Override
    public void run() {
      if (!enter()) {
        return;
      }
      String goes = "";
      try {
        goes = turn(this);
      } catch (Throwable t) {
        end(this, mistake, FailureCause.LOCAL);
        Anyway.error(log, "Copying for a transfer to {} failed", target.name(), t);
      }
      if (leave(goes)) {
        goElsewhere();
      }
    }

    private synchronized boolean enter() {
      if (!why.isEmpty()) {
        return false;
      }
      atWork++;
      return true;
    }

    /** {@return whether the caller is to give the task away, of which nobody has anything} */
    private synchronized boolean leave(String reason) {
      atWork--;
      if (why.isEmpty()) {
        why = reason;
      }
      boolean gives = atWork == 0 && !why.isEmpty() && !handedOver;
      handedOver |= gives;
      return gives;
    }

    private void goElsewhere() {
      try {
        elsewhere.go(peer, task, why());
      } catch (Throwable t) {
        end(this, mistake, FailureCause.LOCAL);
        Anyway.error(log, "Giving a transfer to {} away failed", target.name(), t);
      }
    }

    private synchronized String why() {
      return why;
    }
  }

  /** Works on a task; does not wait. */
  void start(Target target, PeerAddress peer, TransferTask task) {
    task.setOwner(this);
    queue(new Job(target, peer, task));
  }

  private void queue(Job job) {
    try {
      threads.execute(job);
    } catch (RejectedExecutionException stopped) {
      end(job, LocalFaults.closed(), FailureCause.SHUTDOWN);
    }
  }

  private static void end(Job job, TransferException why, FailureCause cause) {
    job.task.end(TransferState.FAILED, why, cause);
  }

  /** One claim of a task; {@return why it has to go elsewhere, or nothing} */
  private String turn(Job job) {
    // Of the slots of those that submit, which take one for microseconds.
    int slot = job.target.acquireSlot(false);
    if (slot < 0) {
      queueLater(job);
      return "";
    }
    boolean later = false;
    String why = "";
    try {
      DeviceCopier copier = take();
      try {
        if (copier.claim(job.task) > 0) {
          // Before the copying: the other may join.
          boolean queued = job.task.hasWork() && isQueued(job);
          DeviceCopier.Outcome outcome = copier.copy(job.task, job.target, slot);
          why = outcome == DeviceCopier.Outcome.ELSEWHERE ? copier.why() : "";
          later = why.isEmpty() && (outcome == DeviceCopier.Outcome.LATER || !queued);
        }
      } finally {
        give(copier);
      }
    } finally {
      job.target.releaseSlot(slot);
    }
    if (later) {
      queueLater(job);
    }
    return why;
  }

  private void queueLater(Job job) {
    if (job.task.hasWork()) {
      LockSupport.parkNanos(LATER_NANOS);
      queue(job);
    }
  }

  private boolean isQueued(Job job) {
    try {
      queue(job);
      return true;
    } catch (Throwable noMemory) {
      return false; // Tried again when what is claimed is settled.
    }
  }

  private DeviceCopier take() {
    synchronized (kept) {
      DeviceCopier known = kept.pollLast();
      if (known != null) {
        return known;
      }
    }
    return new DeviceCopier(memory, ownPid, ours, mistake);
  }

  /** There are no more than threads. What comes behind the stop, nobody takes again. */
  private void give(DeviceCopier copier) {
    synchronized (kept) {
      if (!stopped) {
        kept.addLast(copier);
        return;
      }
    }
    close(copier);
  }

  private static void close(DeviceCopier copier) {
    try {
      copier.close();
    } catch (Throwable t) {
      Anyway.failed(log, "Giving a stream back", t);
    }
  }

  /** Nothing to do: a copy that is under way ends within moments, and no other begins. */
  @Override
  public void cancelRequests(TransferTask task) {}

  @Override
  public void cutOff(TransferTask task) {
    log.error("A copy on a device does not end: {}", task.describe());
  }

  /**
   * Ends what waits, and waits for what is under way; no longer than {@code timeout}. What takes
   * longer has its slot of the peer until it has given all back: the devices are closed behind it.
   */
  void stop(Duration timeout) {
    for (Runnable left : threads.shutdownNow()) {
      if (left instanceof Job job) {
        end(job, LocalFaults.closed(), FailureCause.SHUTDOWN);
      }
    }
    try {
      if (!threads.awaitTermination(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        log.error("{} copies on devices have not ended", threads.getActiveCount());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    synchronized (kept) {
      stopped = true;
      for (DeviceCopier each : kept) {
        close(each);
      }
      kept.clear();
    }
  }
}
