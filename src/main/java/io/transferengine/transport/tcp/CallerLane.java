// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The lane to a peer on which callers who wait move small transfers themselves, both ways: they
 * send the requests and read their answers, so that no thread of ours has to be woken for either.
 * It is a lane as any other, but on the {@link SharedLoop}, and claims nothing but what who has the
 * loop waits for. What it cannot finish, other lanes do.
 *
 * <p>{@link #move} is for callers; the rest is confined to the loop, or for any thread.
 */
final class CallerLane implements Lane.Owner, LaneTasks, SharedLoop.Watched {
  /** What the lane needs of the peer, with its other lanes. */
  interface Of extends Lane.Owner {
    /** Lets those lanes look for work that this one has given back. */
    void wakeFor(TransferTask task);
  }

  /** After so long a caller leaves its transfer to the loop's own thread, and sleeps as others. */
  private static final long SLEEP_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

  /**
   * Of a larger one, lanes beside each other move parts, in less time than one thread the whole.
   */
  private static final long BYTES_MAX = 512 << 10;

  /** It is opened no more often: the peer may not take so many connections. */
  private static final long OPEN_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final TaskQueue tasks;
  private final Of peer;
  private final SharedLoop loop;
  private final Lane lane;

  /** What the lane may claim. Of who has the loop. */
  private @Nullable TransferTask mine;

  /** From when a connection is asked for until it is there, or cannot be made. */
  private volatile boolean opens;

  /** Guarded by this. */
  private long openedNanos;

  CallerLane(
      PeerProfile profile,
      TaskQueue tasks,
      Of peer,
      EventLoops loops,
      SharedLoop loop,
      IoBackend backend) {
    this.tasks = tasks;
    this.peer = peer;
    this.loop = loop;
    this.lane = new Lane(profile, this, this, loop, loops, backend);
    this.openedNanos = System.nanoTime() - OPEN_AGAIN_NANOS;
  }

  Lane lane() {
    return lane;
  }

  // ---- callers

  /** {@return whether this thread may move it: it waits for it, and it is not large} */
  static boolean isFor(TransferTask task) {
    return task.listener().isAwaitedHere() && task.totalBytes() <= BYTES_MAX;
  }

  /**
   * Moves a task whose submitter waits for its end: {@return whether it was begun} Then it has
   * ended, in most cases. What is left of it, others are to do.
   */
  boolean move(TransferTask task) {
    if (!lane.isOpen()) {
      open();
      return false;
    }
    if (!loop.take()) {
      return false;
    }
    try {
      // First what has come meanwhile, such as the end of the connection.
      loop.look().run();
      if (!lane.isOpen()) {
        return false;
      }
      mine = task;
      lane.run();
      if (isQuiet() || task.isQuiet()) {
        return !task.hasWork();
      }
      task.listener().lookFirst(loop.look());
      sleepUntilEnd(task);
      return true;
    } finally {
      mine = null;
      loop.leave(this);
    }
  }

  /** Or until it is no more on this lane, where its end would wake this thread. */
  private void sleepUntilEnd(TransferTask task) {
    long until = System.nanoTime() + SLEEP_NANOS;
    while (!task.isQuiet()
        && !isQuiet()
        && until - System.nanoTime() > 0
        && !Thread.currentThread().isInterrupted()
        && !loop.isShuttingDown()) {
      loop.sleep(until);
    }
  }

  private synchronized void open() {
    long now = System.nanoTime();
    if (opens || now - openedNanos < OPEN_AGAIN_NANOS) {
      return;
    }
    openedNanos = now;
    opens = true;
    boolean begun = false;
    try {
      begun = LoopTasks.execute(loop, new Opening());
    } finally {
      if (!begun) {
        opens = false;
      }
    }
  }

  private final class Opening implements Runnable {
    @Override
    public void run() {
      try {
        loop.watch(CallerLane.this);
        lane.run();
      } finally {
        if (lane.attempt() == null) {
          opens = false; // It has been closed, say.
        }
      }
    }
  }

  // ---- the lane's owner

  @Override
  public boolean isQuiet() {
    return !opens && lane.load() == 0;
  }

  @Override
  public List<InetSocketAddress> addresses() {
    return peer.addresses();
  }

  @Override
  public boolean wantsWarmUp() {
    return opens;
  }

  @Override
  public void warmedUp() {
    opens = false;
  }

  /** No task waits for it: the other lanes find out what there is to find out. */
  @Override
  public boolean connectFailed(InetSocketAddress address, long beganNanos, Throwable cause) {
    opens = false;
    return true;
  }

  @Override
  public void connectionFruitless(
      int inARow, long beganNanos, TransferException failure, FailureCause cause) {}

  @Override
  public void belongsToAnother(TransferException failure) {
    peer.belongsToAnother(failure);
  }

  @Override
  public void wakeOthers(Lane dry) {
    peer.wakeOthers(dry);
  }

  @Override
  public void wakeAnother(Lane full) {
    peer.wakeAnother(full);
  }

  @Override
  public boolean hasIdleLaneBeside(Lane asking) {
    return false;
  }

  // ---- the lane's tasks

  /** No connection is made for it: one that has ended meanwhile is opened by the next caller. */
  @Override
  public boolean hasWork() {
    TransferTask task = mine;
    return task != null && lane.isOpen() && task.hasWork();
  }

  @Override
  public boolean claim(
      RequestSink<TransferTask> sink, int maxRequests, long maxBytes, long maxRequestBytes) {
    TransferTask task = mine;
    return task != null && claimFirst(task, sink, maxRequests, maxBytes, maxRequestBytes);
  }

  @Override
  public boolean claimFirst(
      TransferTask task,
      RequestSink<TransferTask> sink,
      int maxRequests,
      long maxBytes,
      long maxRequestBytes) {
    return tasks.claimFirst(task, sink, maxRequests, maxBytes, maxRequestBytes);
  }

  @Override
  public void requeue(TransferTask task) {
    tasks.requeue(task);
    peer.wakeFor(task);
  }

  @Override
  public void writeIsLate(RequestRing ring, long position) {
    tasks.writeIsLate(ring, position);
  }

  @Override
  public void lateWriteArrived(RequestRing ring, long position) {
    tasks.lateWriteArrived(ring, position);
  }

  @Override
  public void lateWritesGone(RequestRing ring) {
    tasks.lateWritesGone(ring);
  }
}
