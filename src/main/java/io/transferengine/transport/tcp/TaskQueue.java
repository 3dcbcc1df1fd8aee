// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.Queues;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The tasks for one peer that wait for room on its lanes.
 *
 * <p>Lanes pull: whichever has room claims the next requests of the task at the head, which then
 * goes to the end, so that a batch of a million blocks does not keep a single one waiting.
 * Thread-safe.
 */
final class TaskQueue implements LaneTasks {
  private final PeerProfile peer;
  private final Runnable wakeLanes;
  private final ArrayDeque<TransferTask> tasks = new ArrayDeque<>();
  private final LateWrites late = new LateWrites();
  private volatile @Nullable PeerEnd end;

  /**
   * @param wakeLanes lets all lanes look again: what was held back may go now
   */
  TaskQueue(PeerProfile peer, Runnable wakeLanes) {
    this.peer = peer;
    this.wakeLanes = wakeLanes;
  }

  /** {@return whether it was added; if not, the queue is closed and the task has failed} */
  boolean add(TransferTask task) {
    synchronized (tasks) {
      if (end == null) {
        Queues.addLast(tasks, task);
      }
    }
    return !failIfClosed(task);
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // tasks have no other
  public void requeue(TransferTask task) {
    synchronized (tasks) {
      if (end == null && tasks.peekFirst() != task) {
        tasks.remove(task);
        Queues.addFirst(tasks, task);
      }
    }
    boolean _ = failIfClosed(task);
  }

  private boolean failIfClosed(TransferTask task) {
    PeerEnd ended = end;
    if (ended != null) {
      fail(task, ended);
    }
    return ended != null;
  }

  void remove(TransferTask task) {
    synchronized (tasks) {
      tasks.remove(task);
    }
  }

  @Override
  public boolean hasWork() {
    synchronized (tasks) {
      return !tasks.isEmpty();
    }
  }

  @Override
  public boolean claim(
      RequestSink<TransferTask> sink, int maxRequests, long maxBytes, long maxRequestBytes) {
    TransferTask failing = null;
    Throwable fault = null;
    synchronized (tasks) {
      TransferTask task;
      while ((task = pollClaimable(sink)) != null) {
        try {
          if (task.claim(sink, maxRequests, maxBytes, maxRequestBytes) > 0) {
            if (task.hasWork()) {
              Queues.addLast(tasks, task);
            }
            return true;
          }
        } catch (Throwable t) {
          failing = task;
          fault = t;
          break;
        }
      }
    }
    if (failing == null || fault == null) {
      return false;
    }
    claimFailed(failing, fault);
    return true;
  }

  @Override
  @SuppressWarnings("ReferenceEquality") // tasks have no other
  public boolean claimFirst(
      TransferTask task,
      RequestSink<TransferTask> sink,
      int maxRequests,
      long maxBytes,
      long maxRequestBytes) {
    Throwable fault;
    synchronized (tasks) {
      if (tasks.peekFirst() != task || !late.isEmpty()) {
        return false;
      }
      tasks.removeFirst();
      try {
        boolean any = task.claim(sink, maxRequests, maxBytes, maxRequestBytes) > 0;
        if (task.hasWork()) {
          Queues.addLast(tasks, task);
        }
        return any;
      } catch (Throwable t) {
        fault = t;
      }
    }
    claimFailed(task, fault);
    return true;
  }

  /** What it has handed out before is in the sink, and settled from there. */
  private void claimFailed(TransferTask task, Throwable fault) {
    task.end(TransferState.FAILED, LocalFaults.ofClaim(peer.name(), fault), FailureCause.LOCAL);
  }

  private @Nullable TransferTask pollClaimable(RequestSink<TransferTask> sink) {
    if (late.isEmpty()) {
      return tasks.pollFirst();
    }
    Iterator<TransferTask> all = tasks.iterator();
    while (all.hasNext()) {
      TransferTask task = all.next();
      if (late.mayClaim(sink, task)) {
        all.remove();
        return task;
      }
    }
    return null;
  }

  @Override
  public void writeIsLate(RequestRing ring, long position) {
    synchronized (tasks) {
      late.add(ring, position, ring.remote(position), ring.length(position));
    }
  }

  @Override
  public void lateWriteArrived(RequestRing ring, long position) {
    synchronized (tasks) {
      late.arrived(ring, position);
    }
    wakeForHeld();
  }

  @Override
  public void lateWritesGone(RequestRing ring) {
    synchronized (tasks) {
      if (late.isEmpty()) {
        return;
      }
      late.gone(ring);
    }
    wakeForHeld();
  }

  private void wakeForHeld() {
    synchronized (tasks) {
      if (!late.isEmpty() || tasks.isEmpty()) {
        return;
      }
    }
    wakeLanes.run();
  }

  private List<TransferTask> takeAll() {
    List<TransferTask> all = new ArrayList<>(tasks);
    tasks.clear();
    return all;
  }

  /**
   * Ends those that have waited since an attempt began that failed. The others have not been tried.
   */
  void failThoseSince(long beganNanos, TransferException failure, FailureCause cause) {
    List<TransferTask> failed = new ArrayList<>();
    synchronized (tasks) {
      List<TransferTask> others = new ArrayList<>();
      for (TransferTask task : tasks) {
        (task.hasWaitedSince(beganNanos) ? failed : others).add(task);
      }
      tasks.clear();
      for (int i = 0; i < others.size(); i++) {
        tasks.add(others.get(i)); // There is room for them.
      }
    }
    for (TransferTask task : failed) {
      task.end(TransferState.FAILED, failure, cause);
    }
  }

  /** Ends all that wait. */
  void failAll(TransferException failure, FailureCause cause) {
    List<TransferTask> failed;
    synchronized (tasks) {
      failed = takeAll();
    }
    for (TransferTask task : failed) {
      task.end(TransferState.FAILED, failure, cause);
    }
  }

  /** Fails what waits, and from now on what comes. The first reason counts. */
  void close(PeerEnd why) {
    PeerEnd first;
    List<TransferTask> waiting;
    synchronized (tasks) {
      first = end == null ? why : end;
      end = first;
      waiting = takeAll();
    }
    for (TransferTask task : waiting) {
      fail(task, first);
    }
  }

  private void fail(TransferTask task, PeerEnd ended) {
    task.end(TransferState.FAILED, ended.failure(peer.name()), ended.cause(task.isStarted()));
  }
}
