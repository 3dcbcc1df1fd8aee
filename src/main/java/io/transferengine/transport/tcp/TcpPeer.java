// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.logging.SystemError;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.Queues;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A peer's data port, the lanes to it and the tasks that wait for room on them.
 *
 * <p>Lanes pull: whichever has room claims the next requests of the task at the head of the queue,
 * which then goes to its end, so that a batch of a million blocks does not keep a single one
 * waiting. Thread-safe.
 */
final class TcpPeer implements TransferTask.Owner {
  private static final Logger log = LoggerFactory.getLogger(TcpPeer.class);

  /**
   * For each so many bytes of a task one lane more is set to it: copying so much takes a processor
   * longer than waking another.
   */
  private static final long BYTES_PER_LANE = 512L << 10;

  /** Ranges out on one lane, in vectored requests: 4 MiB of 4 KiB blocks, and 60 KiB of columns. */
  private static final int RANGES_PER_LANE = 1024;

  /** Connections in a row that end without one answer before the peer is given up for now. */
  private static final int FRUITLESS_LIMIT = 5;

  /** More than a lane ever has out: one that waits for staging is the last to be chosen. */
  private static final int DRY_LOAD = 1 << 20;

  private final String name;
  private final TcpOptions options;
  private final EngineMetrics metrics;
  private final boolean version2;
  private final boolean vectors;
  private final OptionalLong incarnation;
  private final Lane[] lanes;
  private final int requestsPerLane;
  private final ArrayDeque<TransferTask> tasks = new ArrayDeque<>();
  private final LateWrites late = new LateWrites();
  private volatile List<InetSocketAddress> addresses;
  private volatile Persistence persistence;
  private volatile boolean warmUp;
  private volatile boolean closed;

  TcpPeer(
      String name,
      boolean version2,
      boolean vectors,
      OptionalLong incarnation,
      List<InetSocketAddress> addresses,
      TcpOptions options,
      EngineMetrics metrics,
      EventLoops loops,
      IoBackend backend) {
    this.name = name;
    this.version2 = version2;
    this.vectors = vectors && version2;
    this.incarnation = version2 ? incarnation : OptionalLong.empty();
    this.addresses = List.copyOf(addresses);
    this.options = options;
    this.metrics = metrics;
    int laneCount = Math.min(options.lanesPerPeer(), options.requestsOnWireLimit());
    this.requestsPerLane = options.requestsOnWireLimit() / laneCount;
    // Version 1 writes on one connection need a read behind them that confirms them.
    boolean mayPipeline = version2 || requestsPerLane > WriteConfirmation.PLACES;
    this.persistence =
        options.connectionPool() && mayPipeline ? Persistence.UNKNOWN : Persistence.SINGLE;
    List<Lane> made = new ArrayList<>();
    for (int i = 0; i < laneCount; i++) {
      made.add(new Lane(this, loops, backend));
    }
    this.lanes = made.toArray(Lane[]::new);
  }

  String name() {
    return name;
  }

  boolean isVersion2() {
    return version2;
  }

  /** {@return what its data port is asked for first; empty when it does not answer that} */
  OptionalLong incarnation() {
    return incarnation;
  }

  List<InetSocketAddress> addresses() {
    return addresses;
  }

  /**
   * From now on connections are made to these: the host's name may lead elsewhere by now. When it
   * does, those to the old ones end with the work that they have.
   */
  void movedTo(List<InetSocketAddress> newest) {
    List<InetSocketAddress> before = addresses;
    addresses = newest;
    if (!before.equals(newest) && Collections.disjoint(before, newest)) {
      for (Lane lane : lanes) {
        lane.retire();
      }
    }
  }

  EngineMetrics metrics() {
    return metrics;
  }

  long connectTimeoutMillis() {
    return TimeUnit.SECONDS.toMillis(options.connectTimeoutSeconds());
  }

  Persistence persistence() {
    return persistence;
  }

  /** Notes the peer's habit; what is known stays. */
  void learnt(Persistence habit) {
    if (persistence == Persistence.UNKNOWN) {
      persistence = habit;
    }
  }

  /** {@return the most requests out on one lane} */
  int requestsPerLane() {
    return requestsPerLane;
  }

  /** {@return the most bytes of requests out on one lane} */
  long laneWindowBytes() {
    return options.laneWindowBytes();
  }

  /** {@return whether it announced vectored requests} */
  boolean takesVectors() {
    return vectors;
  }

  /**
   * {@return the power of two that holds {@link #requestsPerLane()}, and {@link #RANGES_PER_LANE}
   * towards a peer that takes vectored requests}
   */
  int ringCapacity() {
    int most = vectors ? Math.max(requestsPerLane, RANGES_PER_LANE) : requestsPerLane;
    return Integer.highestOneBit(2 * most - 1);
  }

  void submit(TransferTask task) {
    task.setOwner(this);
    synchronized (tasks) {
      if (!closed) {
        Queues.addLast(tasks, task);
      }
    }
    if (closed) {
      task.end(TransferState.FAILED, shutDown(), FailureCause.SHUTDOWN);
      return;
    }
    if (task.isEnding()) {
      // Ended between being made and being owned: nobody has asked us to hurry.
      hurry(task);
      return;
    }
    wakeFor(task);
  }

  private void wakeFor(TransferTask task) {
    long wanted =
        persistence == Persistence.PERSISTENT
            ? 1 + task.totalBytes() / BYTES_PER_LANE
            : task.blockCount();
    if (wanted >= lanes.length) {
      for (Lane lane : lanes) {
        lane.wake();
      }
      return;
    }
    int first = leastLoaded();
    for (int i = 0; i < wanted; i++) {
      lanes[(first + i) % lanes.length].wake();
    }
  }

  /** An open lane is better than one that has yet to connect, unless it is busy. */
  private int leastLoaded() {
    int best = 0;
    int bestLoad = Integer.MAX_VALUE;
    for (int i = 0; i < lanes.length; i++) {
      int load = lanes[i].load() * 2 + (lanes[i].isOpen() ? 0 : 1);
      load += lanes[i].isDry() ? DRY_LOAD : 0;
      if (load < bestLoad) {
        best = i;
        bestLoad = load;
      }
    }
    return best;
  }

  /** A lane waits for staging while there is work left: lets all others look. */
  void wakeOthers(Lane dry) {
    if (hasWork()) {
      for (Lane lane : lanes) {
        if (lane != dry) {
          lane.wake();
        }
      }
    }
  }

  /** A lane is full while there is work left: lets another one look. */
  void wakeAnother(Lane full) {
    if (!hasWork()) {
      return;
    }
    for (Lane lane : lanes) {
      if (lane != full && lane.isFree()) {
        lane.wake();
        return;
      }
    }
  }

  /** {@return whether another lane has nothing out and could begin at once, roughly} */
  boolean hasIdleLaneBeside(Lane asking) {
    for (Lane lane : lanes) {
      if (lane != asking && lane.isFree()) {
        return true;
      }
    }
    return false;
  }

  /** {@return whether a task waits to be claimed from} */
  boolean hasWork() {
    synchronized (tasks) {
      return !tasks.isEmpty();
    }
  }

  /**
   * Hands the next requests to a sink; see {@link TransferTask#claim}.
   *
   * @return whether there may be more
   */
  boolean claim(RequestSink sink, int maxRequests, long maxBytes, long maxRequestBytes) {
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
    // What it has handed out before is in the sink, and settled from there.
    failing.end(TransferState.FAILED, LocalFaults.ofClaim(name, fault), FailureCause.LOCAL);
    return true;
  }

  private @Nullable TransferTask pollClaimable(RequestSink sink) {
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

  /**
   * A write of a transfer that has ended goes on: newer ones to the same place stay behind it. To
   * be said before the end is.
   */
  void writeIsLate(RequestRing ring, long position) {
    synchronized (tasks) {
      late.add(ring, position, ring.remote(position), ring.length(position));
    }
  }

  /** It has arrived. */
  void lateWriteArrived(RequestRing ring, long position) {
    synchronized (tasks) {
      late.arrived(ring, position);
    }
    wakeHeld();
  }

  /** Those of a connection that has ended. */
  void lateWritesGone(RequestRing ring) {
    synchronized (tasks) {
      if (late.isEmpty()) {
        return;
      }
      late.gone(ring);
    }
    wakeHeld();
  }

  private void wakeHeld() {
    synchronized (tasks) {
      if (!late.isEmpty() || tasks.isEmpty()) {
        return;
      }
    }
    for (Lane lane : lanes) {
      lane.wake();
    }
  }

  /** A task has got requests back: it is next. */
  @SuppressWarnings("ReferenceEquality") // tasks have no other
  void requeue(TransferTask task) {
    synchronized (tasks) {
      if (!closed && tasks.peekFirst() != task) {
        tasks.remove(task);
        Queues.addFirst(tasks, task);
      }
    }
    if (closed) {
      task.end(TransferState.FAILED, shutDown(), FailureCause.SHUTDOWN);
    }
  }

  @Override
  public void hurry(TransferTask task) {
    synchronized (tasks) {
      tasks.remove(task);
    }
    for (Lane lane : lanes) {
      lane.hurry(task);
    }
  }

  @Override
  public void cutOff(TransferTask task) {
    log.error("{}: {}", this, task.describe());
    for (Lane lane : lanes) {
      lane.cutOff(task);
    }
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(name);
    text.append(", version ").append(version2 ? 2 : 1).append(", ").append(persistence);
    for (Lane lane : lanes) {
      text.append(lane.isOpen() ? ", a lane with " : ", a closed lane with ").append(lane.load());
    }
    return text.toString();
  }

  /**
   * No address could be connected to. Fails what waits, unless another lane can carry it.
   *
   * @return whether another lane can
   */
  boolean connectFailed(InetSocketAddress address, Throwable cause) {
    warmUp = false;
    if (anyLaneOpen()) {
      // The work that was meant for the lane that failed; the open ones may all have gone idle.
      wakeOpenLanes();
      return true;
    }
    failAll(cannotConnect(address, cause), FailureCause.CONNECT);
    return false;
  }

  TransferException cannotConnect(InetSocketAddress address, Throwable cause) {
    String what = "cannot connect to its data port at " + address;
    if (cause instanceof OutOfMemoryError) {
      return LocalFaults.outOfMemory(name, what, cause);
    }
    return TransferException.withPeer(
        name,
        ErrorCode.SOCKET,
        what + ": " + SystemError.text(cause),
        SystemError.remedy(cause, "Is the peer running and reachable?"),
        cause);
  }

  /** Connections are made but end without an answer. */
  void connectionFruitless(int inARow, TransferException failure) {
    if (inARow >= FRUITLESS_LIMIT && !anyLaneOpen()) {
      failAll(failure, FailureCause.CONNECTION_LOST);
    }
  }

  /** Whoever listens there is not the peer: what waits has to look the peer up again. */
  void belongsToAnother(TransferException failure) {
    failAll(failure, FailureCause.STALE_DESCRIPTOR);
  }

  private void wakeOpenLanes() {
    for (Lane lane : lanes) {
      if (lane.isOpen()) {
        lane.wake();
      }
    }
  }

  private boolean anyLaneOpen() {
    for (Lane lane : lanes) {
      if (lane.isOpen()) {
        return true;
      }
    }
    return false;
  }

  private void failAll(TransferException failure, FailureCause cause) {
    List<TransferTask> failed;
    synchronized (tasks) {
      failed = new ArrayList<>(tasks);
      tasks.clear();
    }
    for (TransferTask task : failed) {
      task.end(TransferState.FAILED, failure, cause);
    }
  }

  void warmUp() {
    warmUp = true;
    lanes[0].wake();
  }

  boolean wantsWarmUp() {
    return warmUp;
  }

  void warmedUp() {
    warmUp = false;
  }

  /** {@return whether nothing waits and nothing is out, roughly} */
  boolean isIdle() {
    if (hasWork()) {
      return false;
    }
    for (Lane lane : lanes) {
      if (lane.load() > 0) {
        return false;
      }
    }
    return true;
  }

  Lane[] lanes() {
    return lanes;
  }

  /** Fails what waits and closes the lanes. Idempotent. */
  void close() {
    closed = true;
    failAll(shutDown(), FailureCause.SHUTDOWN);
    for (Lane lane : lanes) {
      lane.close();
    }
  }

  TransferException shutDown() {
    return TransferException.withPeer(
        name, ErrorCode.CLOSED, "the way to this peer was closed", "", null);
  }
}
