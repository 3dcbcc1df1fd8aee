// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.EventLoop;
import io.transferengine.metrics.FailureCause;
import io.transferengine.net.HeapRoom;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerEnd;
import io.transferengine.transport.TransferTask;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One of the parallel ways to a peer: at most one connection at a time, opened when there is work
 * and opened again after it has ended. All but {@link #wake}, {@link #load} and {@link
 * #cancelRequests} runs on the lane's event loop.
 */
final class Lane
    implements LaneConnection.Owner, LaneBootstrap.Of, LaneCancel.Of, LaneEnds.Of, Runnable {
  /** The peer that it leads to, with other lanes beside it. */
  interface Owner {
    /** {@return where to connect to, the best first} */
    List<InetSocketAddress> addresses();

    /** {@return whether a connection is wanted although there is no work} */
    boolean wantsWarmUp();

    /** There is one. */
    void warmedUp();

    /**
     * No address could be connected to. Fails what has waited since then, unless another lane can
     * carry it. What came later is tried once more.
     *
     * @param beganNanos when it was begun, of {@link System#nanoTime}
     * @return whether another lane can
     */
    boolean connectFailed(InetSocketAddress address, long beganNanos, Throwable cause);

    /**
     * Connections are made but end without an answer.
     *
     * @param beganNanos when the latest of them was begun
     */
    void connectionFruitless(
        int inARow, long beganNanos, TransferException failure, FailureCause cause);

    /** Whoever listens there is not the peer: what waits has to look the peer up again. */
    void belongsToAnother(TransferException failure);

    /** A lane waits for staging while there may be work left: lets all others look. */
    void wakeOthers(Lane dry);

    /** A lane is full while there may be work left: lets another one look. */
    void wakeAnother(Lane full);

    /** {@return whether another lane has nothing out and could begin at once, roughly} */
    boolean hasIdleLaneBeside(Lane asking);
  }

  private static final Logger log = LoggerFactory.getLogger(Lane.class);

  /**
   * How long a kernel that reads or writes later may keep the memory of a task that has ended
   * before the connection, which others may share, is closed.
   */
  private static final long CANCEL_GRACE_MILLIS = 200;

  /** The most connections whose late writes are waited for; of further ones they are not. */
  private static final int PARTED_MAX = 4;

  private static final long BACK_OFF_MIN_MILLIS = 10;

  /** Nobody waits for it. */
  private static final long RETIRE_CHECK_MILLIS = 50;

  private static final long BACK_OFF_MAX_MILLIS = 1000;

  private final PeerProfile profile;
  private final LaneTasks tasks;
  private final Owner peer;
  private final EventLoops loops;
  private final EventLoop loop;
  private final IoBackend backend;
  private final AtomicBoolean woken = new AtomicBoolean();
  private volatile int load;
  private volatile boolean open;
  private volatile boolean dry;
  private volatile @Nullable CallerSend callers;
  private @Nullable LaneConnection connection;

  /** Those that take no more requests, until they have ended. */
  private final List<LaneConnection> parted = new ArrayList<>(PARTED_MAX);

  /** What the next connection begins with. */
  private @Nullable UnconfirmedWrite unconfirmed;

  /** What is being tried, while there is no connection. */
  private @Nullable ConnectAttempt attempt;

  /** When the latest connection, or attempt at one, was begun. */
  private long beganNanos;

  private @Nullable PeerEnd end;
  private int fruitless;

  /** Whether it is to look for work later, and by when it has. */
  private boolean backsOff;

  private long againNanos;

  /** On one of the loops. */
  Lane(
      PeerProfile profile,
      LaneTasks tasks,
      Owner peer,
      EventLoop loop,
      EventLoops loops,
      IoBackend backend) {
    this.profile = profile;
    this.tasks = tasks;
    this.peer = peer;
    this.loops = loops;
    this.loop = loop;
    this.backend = backend;
  }

  /** Lets the lane look for work. */
  @Override
  public void wake() {
    if (woken.compareAndSet(false, true)) {
      try {
        execute(this);
      } catch (Throwable t) {
        woken.set(false);
        throw t;
      }
    }
  }

  private void execute(Runnable action) {
    if (!LoopTasks.execute(loop, action)) {
      // The transport has stopped: the loop has closed its connections and settled what was out.
      log.debug("The event loop has ended");
    }
  }

  @Override
  public void stagingDry() {
    dry = true;
    peer.wakeOthers(this);
  }

  @Override
  public void stagingFree() {
    dry = false;
    wake();
  }

  @Override
  public void wakeAnother() {
    peer.wakeAnother(this);
  }

  @Override
  public boolean hasIdleLaneBeside() {
    return peer.hasIdleLaneBeside(this);
  }

  /** {@return whether it waits for staging, roughly} */
  boolean isDry() {
    return dry;
  }

  /** {@return whether it has nothing out and does not wait for staging either, roughly} */
  boolean isFree() {
    return load() == 0 && !dry;
  }

  /** {@return requests out, roughly} */
  int load() {
    CallerSend there = callers;
    return there == null ? load : Math.max(there.load(), load);
  }

  /**
   * Sends what can be sent of a task by this thread, if nobody else does anything with the lane.
   */
  void send(TransferTask task) {
    CallerSend there = callers;
    if (there != null) {
      there.send(task);
    }
  }

  @Override
  public CallerFrames callerFrames() {
    return loops.callerFrames();
  }

  @Override
  public CallerSend.@Nullable Socket callerSocket(Channel channel) {
    // On a shared loop callers send as the loop.
    return loop instanceof SharedLoop ? null : CallerSocket.of(channel);
  }

  @Override
  public void letCallersSend(CallerSend made) {
    callers = made;
  }

  @Override
  public void setLoad(int requests) {
    load = requests;
  }

  /** {@return whether it is connected} */
  boolean isOpen() {
    return open;
  }

  EventLoop loop() {
    return loop;
  }

  /** {@return what is being connected; on its event loop} */
  @Nullable ConnectAttempt attempt() {
    return attempt;
  }

  /** Looks for work; on its event loop. */
  @Override
  public void run() {
    woken.set(false);
    backsOff = false;
    LaneConnection there = connection;
    if (there != null) {
      confirmLeft(there);
      there.pump();
      if (there.isCongested()) {
        // Whoever chose this lane saw an older load.
        peer.wakeAnother(this);
      }
    } else if (attempt == null
        && end == null
        && (unconfirmed != null || tasks.hasWork() || peer.wantsWarmUp())) {
      beganNanos = System.nanoTime();
      connect(peer.addresses(), 0, beganNanos);
    }
  }

  private void connect(List<InetSocketAddress> addresses, int index, long startNanos) {
    attempt = null;
    try {
      long spentMillis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNanos);
      long leftMillis = profile.connectTimeoutMillis() - spentMillis;
      ConnectAttempt made = new ConnectAttempt(addresses, index, startNanos, leftMillis);
      attempt = made;
      HeapRoom.require();
      connect(made);
    } catch (Throwable t) {
      // Netty would keep it to itself, and the lane would connect for ever.
      ConnectAttempt tried = attempt;
      if (tried != null) {
        tried.abandon();
      }
      notConnected(addresses.get(index), t);
    }
  }

  private void connect(ConnectAttempt tried) {
    ChannelFuture connected = LaneBootstrap.connect(tried, loop, backend, profile, this);
    if (connected.isDone() && !connected.isSuccess()) {
      // A channel that could not even be made is on no loop. Netty would tell of it by a thread of
      // the whole JVM, which ends for good when its heap is full or it gets no thread.
      connectElsewhere(tried, connected.cause());
      return;
    }
    var _ =
        connected.addListener(
            new ChannelFutureListener() {
              @Override
              public void operationComplete(ChannelFuture done) {
                if (!done.isSuccess()) {
                  // Netty closes it, unless memory runs out for that.
                  tried.abandon();
                  connectElsewhere(tried, done.cause());
                }
              }
            });
  }

  @Override
  public LaneConnection newConnection() {
    return new LaneConnection(this, profile, tasks, loops.pool(loop));
  }

  /** What became of an address: the next one is tried, or it is the last word. */
  @Override
  public void connectElsewhere(ConnectAttempt tried, Throwable cause) {
    if (attempt != tried) {
      return; // It was given up.
    }
    boolean timeLeft =
        System.nanoTime() - tried.startNanos()
            < TimeUnit.MILLISECONDS.toNanos(profile.connectTimeoutMillis());
    if (tried.hasNext() && timeLeft && end == null) {
      connect(tried.addresses(), tried.index() + 1, tried.startNanos());
    } else {
      notConnected(tried.address(), cause);
    }
  }

  @Override
  public Throwable notSecured(InetSocketAddress address, Throwable cause) {
    return end != null ? cause : profile.notSecured(address, cause);
  }

  @Override
  public Throwable notProved(InetSocketAddress address, Throwable cause) {
    return end != null || !(cause instanceof IOException)
        ? cause
        : profile.notProved(address, cause);
  }

  private void notConnected(InetSocketAddress address, Throwable cause) {
    attempt = null;
    try {
      if (!peer.connectFailed(address, beganNanos, cause)) {
        failUnconfirmed(profile.cannotConnect(address, cause), FailureCause.CONNECTION_LOST);
      }
    } finally {
      backOff();
    }
  }

  @Override
  public void opened(LaneConnection made) {
    ConnectAttempt tried = attempt;
    if (tried == null || tried.channel() != made.channel()) {
      // It was given up, and its end was on the way already.
      made.end(ConnectionEnd.Reason.ABORTED, "it came too late", null);
      return;
    }
    attempt = null;
    connection = made;
    open = true;
    profile.isOpen();
    peer.warmedUp();
    PeerEnd ended = end;
    if (ended != null) {
      endWith(made, ended);
    } else {
      confirmLeft(made);
      made.pump();
    }
  }

  private void confirmLeft(LaneConnection there) {
    UnconfirmedWrite write = unconfirmed;
    if (write != null) {
      unconfirmed = null;
      if (!there.confirm(write)) {
        unconfirmed = write;
      }
    }
  }

  @Override
  public void confirmNext(UnconfirmedWrite write) {
    PeerEnd ended = end;
    if (ended != null) {
      write.failed(ended.failure(profile.name()), ended.cause(true));
    } else {
      // The peer has taken a connection and ended it in order: it is alive.
      fruitless = 0;
      unconfirmed = write;
    }
  }

  private void failUnconfirmed(TransferException why, FailureCause cause) {
    UnconfirmedWrite write = unconfirmed;
    if (write != null) {
      unconfirmed = null;
      load = 0;
      write.failed(why, cause);
    }
  }

  @Override
  public void answered(int answers) {
    if (answers > 0) {
      fruitless = 0;
    }
  }

  @Override
  public boolean part(LaneConnection leaving) {
    if (end != null || connection != leaving || parted.size() >= PARTED_MAX) {
      return false;
    }
    parted.add(leaving);
    connection = null;
    callers = null;
    open = false;
    load = 0;
    wake();
    return true;
  }

  @Override
  public void closed(
      LaneConnection ended, ConnectionEnd.Reason reason, int answers, TransferException failure) {
    if (parted.remove(ended)) {
      profile.hasEnded(failure);
      return; // What it had to say was said when its transfer ended.
    }
    if (connection == ended) {
      profile.hasEnded(reason, failure);
      connection = null;
      callers = null;
      open = false;
      load = unconfirmed == null ? 0 : 1;
    }
    switch (reason) {
      case RENEWED, REJECTED, ABORTED -> wake();
      case IDLE -> {
        if (answers > 0) {
          wake();
        } else {
          // No sign that the peer is in trouble, but none of life either: not at once.
          backOff();
        }
      }
      case LOST, PROTOCOL, NONE -> {
        profile.isLost(failure);
        wakeOrCount(answers, failure, FailureCause.CONNECTION_LOST);
      }
      case DAMAGED -> wakeOrCount(answers, failure, FailureCause.CHECKSUM);
      case FAULT -> fruitless(failure, FailureCause.CONNECTION_LOST);
      case ANOTHER -> peer.belongsToAnother(failure);
      case SHUTDOWN, OUTDATED -> {}
    }
  }

  private void wakeOrCount(int answers, TransferException failure, FailureCause cause) {
    if (answers > 0) {
      wake();
    } else {
      fruitless(failure, cause);
    }
  }

  private void fruitless(TransferException failure, FailureCause cause) {
    fruitless++;
    peer.connectionFruitless(fruitless, beganNanos, failure, cause);
    backOff();
  }

  private void backOff() {
    long millis =
        Math.min(BACK_OFF_MAX_MILLIS, BACK_OFF_MIN_MILLIS << Math.min(fruitless, Byte.SIZE));
    if (end == null) {
      // In case there is no memory for the task.
      againNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(2 * BACK_OFF_MAX_MILLIS);
      backsOff = true;
      var _ = loop.schedule(this, millis, TimeUnit.MILLISECONDS);
    }
  }

  /** The task has ended: none of its requests here is to keep its memory any longer. */
  void cancelRequests(TransferTask task) {
    execute(new LaneCancel(this, task, false));
  }

  @Override
  public void cancelHere(TransferTask task) {
    UnconfirmedWrite write = unconfirmed;
    if (write != null && write.task() == task) {
      unconfirmed = null;
      load = 0;
      write.dropped();
    }
    LaneConnection there = connection;
    if (there != null && !there.orphan(task)) {
      Runnable late = new LaneCancel.Late(there, task);
      var _ = loop.schedule(late, CANCEL_GRACE_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** The last resort: closes the connection if it carries the task, and says how it stood. */
  void cutOff(TransferTask task) {
    execute(new LaneCancel(this, task, true));
  }

  @Override
  public void cutOffHere(TransferTask task) {
    LaneConnection there = connection;
    if (there != null && there.carries(task)) {
      log.error("A lane to {} is closed by force: {}", profile.name(), there);
      there.end(
          ConnectionEnd.Reason.ABORTED,
          "a transfer on it was not settled in time: a mistake",
          null);
    } else {
      log.warn("A lane to {} does not carry the overdue task: {}", profile.name(), this);
    }
  }

  @Override
  public String toString() {
    return (unconfirmed == null ? "" : "a write to be confirmed, ")
        + (connection == null ? "none" : connection.toString());
  }

  /**
   * Ends what stands still, and does what memory was short for; to be called every second or so.
   */
  void endIfStalled(long nowNanos, long limitNanos) {
    ConnectAttempt tried = attempt;
    LaneConnection there = connection;
    if (tried != null && tried.isLost(nowNanos)) {
      tried.abandon();
      connectElsewhere(tried, tried.lost());
    } else if (there != null) {
      there.endIfStalled(nowNanos, limitNanos);
      if (tasks.hasWork()) {
        run(); // A caller's wake-up may have been lost for want of memory.
      }
      there.endIfExpired(profile.tls().now());
    } else if (!backsOff || nowNanos - againNanos > 0) {
      run(); // A wake-up may have been lost for want of memory.
    }
    for (LaneConnection leaving : List.copyOf(parted)) {
      leaving.endIfStalled(nowNanos, limitNanos);
    }
  }

  /** The peer is elsewhere by now: the connection to where it was ends when its work is done. */
  void retire() {
    execute(new LaneEnds.Retire(this, null));
  }

  @Override
  public void retireHere(@Nullable LaneConnection named) {
    LaneConnection old = named == null ? connection : named;
    if (old == null || connection != old) {
      return;
    }
    if (old.isQuiet()) {
      old.end(ConnectionEnd.Reason.RENEWED, "the peer has moved", null);
    } else {
      var _ =
          loop.schedule(new LaneEnds.Retire(this, old), RETIRE_CHECK_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  /** Closes the lane for good. The first reason counts. */
  void close(PeerEnd why) {
    execute(new LaneEnds.Close(this, why));
  }

  @Override
  public void closeHere(PeerEnd why) {
    PeerEnd first = end == null ? why : end;
    end = first;
    failUnconfirmed(first.failure(profile.name()), first.cause(true));
    for (LaneConnection leaving : List.copyOf(parted)) {
      endWith(leaving, first);
    }
    LaneConnection there = connection;
    if (there != null) {
      endWith(there, first);
    } else if (attempt != null) {
      // This may be the last task of its loop, which has closed what it knew before.
      attempt.close();
    }
  }

  private static void endWith(LaneConnection there, PeerEnd why) {
    switch (why) {
      case SHUTDOWN -> there.end(ConnectionEnd.Reason.SHUTDOWN, "the engine was closed", null);
      case OUTDATED, RESTARTED -> there.end(ConnectionEnd.Reason.OUTDATED, why.text(), null);
    }
  }
}
