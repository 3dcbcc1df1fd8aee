// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import io.transferengine.verbs.QueuePair;
import io.transferengine.verbs.ReadyToReceive;
import io.transferengine.verbs.ReadyToSend;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * The queue pairs between one of our devices and one of a peer's. There is one endpoint for both
 * directions (protocol section 5.4): whichever side asks first connects it, and both may post.
 *
 * <p>Three parts with three owners. The <b>connection</b> (state and the peer's queue pair numbers)
 * is guarded by the endpoint's lock, which is held for moments only: never while a queue pair
 * changes its state, which may take a second, nor while a peer is asked. The <b>work</b> (tasks,
 * rings, posting) belongs to the worker's thread. The <b>queue pairs</b> are destroyed when the
 * worker says so, after which nothing touches memory for them.
 *
 * <pre>
 * NEW --> CONNECTING --> WAITING_FOR_ACK --ack--> CONNECTED
 *                '--(peer is known to be ready)-----^
 * any of these --close--> CLOSING --drained--> DESTROYING --> DESTROYED --settled--> CLOSED
 * </pre>
 */
final class RdmaEndpoint {
  enum State {
    /** Queue pairs exist and lead nowhere. */
    NEW,
    /** Queue pairs are being connected, on a control thread. */
    CONNECTING,
    /** The peer asked, ours are ready, and the peer has yet to say that its are: no posting. */
    WAITING_FOR_ACK,
    CONNECTED,
    /** No more is posted; what was posted is being flushed, once queue pairs are in error state. */
    CLOSING,
    /** Queue pairs are being destroyed, on a control thread. */
    DESTROYING,
    /** The device touches no memory for it any more; requests are still to be given back. */
    DESTROYED,
    CLOSED
  }

  /** Who works on it: what any thread may ask for. Nothing of it blocks. */
  interface Worker {
    /** Requests of the task may go over the endpoint. */
    void assign(RdmaEndpoint endpoint, TransferTask task);

    /** The task has an outcome: what is posted of it is to be settled soon. */
    void settleSoon(RdmaEndpoint endpoint, TransferTask task);

    /** Ends the endpoint, for a reason that is no fault of the way to the peer. */
    void close(RdmaEndpoint endpoint, String reason);

    /** {@return whether a request of no bytes gets through to the peer} */
    CompletableFuture<Boolean> probe(RdmaEndpoint endpoint);
  }

  /**
   * Who sends over it: where tasks come from, and where they go back to. Called on the worker's
   * thread, save {@link #isBusy} and {@link #acknowledged}; nothing of it may block.
   */
  interface Sender {
    /**
     * Has a sink look up keys as they are now; {@return false when the peer does not publish the
     * device any more that the endpoint leads to}
     */
    boolean aim(PostingSink sink);

    /** {@return how many bytes the endpoint may have out while it claims from a task} */
    long shareBytes(TransferTask task);

    /** Nothing is left to be claimed of a task. */
    void exhausted(TransferTask task);

    /** A task has got requests back, or may not go over this endpoint. */
    void requeue(TransferTask task);

    /**
     * The endpoint takes no requests any more; what is posted on it is still to be given back.
     *
     * @param failure set when the way is at fault, rather than a request or a decision of ours
     */
    void ended(RdmaEndpoint endpoint, Optional<TransferException> failure);

    /** {@return whether work of ours is under way or waiting on it, roughly} */
    boolean isBusy();

    /** The peer has just said that it is ready. */
    void acknowledged();
  }

  // Attributes of protocol section 9.1.
  private static final int READ_ATOMIC_MAX = 16;
  private static final int MIN_RNR_TIMER = 12;
  private static final int HOP_LIMIT = 16;
  private static final int TIMEOUT = 14;

  /**
   * One less than the C++ engine's: to soft-RoCE 7 means for ever, so that a request to a peer that
   * was killed would never end. A decision of each side for itself; 0.5 s with the timeout above.
   */
  private static final int RETRY_COUNT = 6;

  private static final int RNR_RETRY = 7;

  private final RdmaDevice device;
  private final Worker worker;
  private final String peerPath;
  private final List<SendQueue> queues;
  private final List<Long> numbers;

  /** Written under the lock. */
  private volatile State state = State.NEW;

  // Guarded by this.
  private List<Long> peerNumbers = List.of();
  private long connectedNanos;

  /** None while only the peer uses it. */
  private volatile @Nullable Sender sender;

  private volatile long usedNanos = System.nanoTime();

  // Confined to the worker.
  private final LinkedHashSet<TransferTask> tasks = new LinkedHashSet<>();
  private @Nullable CompletableFuture<Boolean> probe;

  /** Takes the queue pairs over. */
  RdmaEndpoint(RdmaDevice device, Worker worker, String peerPath, List<QueuePair> queuePairs) {
    this.device = device;
    this.worker = worker;
    this.peerPath = peerPath;
    List<SendQueue> made = new ArrayList<>();
    for (QueuePair queuePair : queuePairs) {
      int capacity = Math.min(queuePair.maxSendWorkRequests(), device.settings().workRequestsMax());
      made.add(new SendQueue(queuePair, capacity));
    }
    this.queues = List.copyOf(made);
    this.numbers =
        queuePairs.stream().map(queuePair -> Integer.toUnsignedLong(queuePair.number())).toList();
  }

  RdmaDevice device() {
    return device;
  }

  String peerPath() {
    return peerPath;
  }

  /** {@return our queue pair numbers} */
  List<Long> numbers() {
    return numbers;
  }

  State state() {
    return state;
  }

  /** {@return its state; waits while another thread connects the queue pairs} */
  synchronized State awaitState() {
    boolean interrupted = false;
    while (state == State.CONNECTING) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return state;
  }

  /** {@return the queue pair numbers that ours are connected to; empty before} */
  synchronized List<Long> peerNumbers() {
    return peerNumbers;
  }

  /** {@return since when it has been connected, by {@link System#nanoTime()}} */
  synchronized long connectedNanos() {
    return connectedNanos;
  }

  /** {@return who sends over it; none while only the peer uses it} */
  Optional<Sender> sender() {
    return Optional.ofNullable(sender);
  }

  void usedBy(Sender owner) {
    sender = owner;
  }

  long usedNanos() {
    return usedNanos;
  }

  void used() {
    usedNanos = System.nanoTime();
  }

  // ---- what its worker does for any thread: see Worker

  void assign(TransferTask task) {
    worker.assign(this, task);
  }

  void settleSoon(TransferTask task) {
    worker.settleSoon(this, task);
  }

  void close(String reason) {
    worker.close(this, reason);
  }

  CompletableFuture<Boolean> probe() {
    return worker.probe(this);
  }

  // ---- the connection

  /**
   * Connects the queue pairs with the peer's, the i-th with the i-th, unless another thread does so
   * or has done so. Blocks, for a second where the peer cannot be found.
   *
   * @param waits whether the peer will say when it is ready
   * @return whether they are connected to those; false, too, when the endpoint is closed meanwhile
   * @throws io.transferengine.os.NativeCallException when a queue pair cannot change its state
   */
  boolean connect(PeerPort peer, List<Long> theirs, boolean waits) {
    synchronized (this) {
      switch (awaitState()) {
        case NEW -> state = State.CONNECTING;
        case WAITING_FOR_ACK, CONNECTED -> {
          return peerNumbers.equals(theirs);
        }
        case CONNECTING, CLOSING, DESTROYING, DESTROYED, CLOSED -> {
          return false;
        }
      }
    }
    try {
      connectQueuePairs(peer, theirs);
    } catch (Throwable t) {
      if (endConnecting(State.NEW)) {
        throw t;
      }
      return false; // Closed meanwhile: its queue pairs may be gone already.
    }
    synchronized (this) {
      peerNumbers = List.copyOf(theirs);
      connectedNanos = System.nanoTime();
      return endConnecting(waits ? State.WAITING_FOR_ACK : State.CONNECTED);
    }
  }

  /** {@return false when it has been closed meanwhile} */
  private synchronized boolean endConnecting(State to) {
    boolean still = state == State.CONNECTING;
    if (still) {
      state = to;
    }
    notifyAll();
    return still;
  }

  private void connectQueuePairs(PeerPort peer, List<Long> theirs) {
    RdmaSettings settings = device.settings();
    for (int i = 0; i < queues.size(); i++) {
      QueuePair queuePair = queues.get(i).queuePair;
      queuePair.toInit(settings.port(), settings.pkeyIndex(), settings.queuePairAccess());
      queuePair.toReadyToReceive(readyToReceive(peer, theirs.get(i).intValue()));
      queuePair.toReadyToSend(
          new ReadyToSend(
              TIMEOUT,
              RETRY_COUNT,
              RNR_RETRY,
              0,
              Math.min(READ_ATOMIC_MAX, device.attributes().maxReadAtomicAsInitiator())));
    }
  }

  private ReadyToReceive readyToReceive(PeerPort peer, int theirNumber) {
    RdmaSettings settings = device.settings();
    int mtu = Math.min(device.port().activeMtuBytes(), settings.mtuBytes());
    if (peer.mtuBytes() > 0) {
      mtu = Math.min(mtu, peer.mtuBytes());
    }
    return new ReadyToReceive(
        mtu,
        theirNumber,
        0,
        Math.min(READ_ATOMIC_MAX, device.attributes().maxReadAtomicAsTarget()),
        MIN_RNR_TIMER,
        peer.gid().bytes(),
        device.gid().index(),
        HOP_LIMIT,
        Math.max(0, settings.trafficClass()),
        peer.lid(),
        Math.max(0, settings.serviceLevel()),
        settings.port(),
        true);
  }

  /** The peer is ready, too: from now on we may post. */
  synchronized void acknowledged() {
    if (state == State.WAITING_FOR_ACK) {
      state = State.CONNECTED;
    }
  }

  /**
   * From now on no path takes it. The worker does the rest.
   *
   * @return whether this call was the one that closed it
   */
  boolean beginClosing() {
    return advance(State.CLOSING);
  }

  boolean isClosing() {
    return state.compareTo(State.CLOSING) >= 0;
  }

  /** {@return whether this call was the first: its queue pairs are to be destroyed now} */
  boolean beginDestroying() {
    return advance(State.DESTROYING);
  }

  /** On any thread: the device touches no memory for it any more. */
  void destroyed() {
    boolean _ = advance(State.DESTROYED);
  }

  void closed() {
    boolean _ = advance(State.CLOSED);
  }

  /** {@return false when it is as far already} */
  private synchronized boolean advance(State to) {
    if (state.compareTo(to) >= 0) {
      return false;
    }
    state = to;
    notifyAll();
    return true;
  }

  // ---- the work: all on the worker's thread

  List<SendQueue> queues() {
    return queues;
  }

  void enqueue(TransferTask task) {
    boolean _ = tasks.add(task);
  }

  @Nullable TransferTask firstTask() {
    return tasks.isEmpty() ? null : tasks.getFirst();
  }

  boolean hasTasks() {
    return !tasks.isEmpty();
  }

  /** The first task goes to the end, so that a large one does not keep the others waiting. */
  void rotate() {
    if (tasks.size() > 1) {
      tasks.addLast(tasks.getFirst());
    }
  }

  void dequeue(TransferTask task) {
    boolean _ = tasks.remove(task);
  }

  void dequeueAll() {
    tasks.clear();
  }

  /** {@return whether requests of the task are posted} */
  boolean holds(TransferTask task) {
    for (SendQueue queue : queues) {
      if (queue.ring.contains(task)) {
        return true;
      }
    }
    return false;
  }

  /** {@return the queue pair with the fewest bytes on it, of those with room if any has some} */
  SendQueue leastLoaded() {
    SendQueue best = queues.getFirst();
    for (int i = 1; i < queues.size(); i++) {
      SendQueue next = queues.get(i);
      boolean hasRoom = next.ring.room() > 0;
      boolean bestHas = best.ring.room() > 0;
      if (hasRoom == bestHas ? next.ring.bytes() < best.ring.bytes() : hasRoom) {
        best = next;
      }
    }
    return best;
  }

  /** {@return a number that changes with every request that completes} */
  long completedCount() {
    long count = 0;
    for (SendQueue queue : queues) {
      count += queue.ring.first();
    }
    return count;
  }

  boolean isIdle() {
    return tasks.isEmpty() && postedCount() == 0;
  }

  int postedCount() {
    int count = 0;
    for (SendQueue queue : queues) {
      count += queue.ring.size();
    }
    return count;
  }

  long postedBytes() {
    long bytes = 0;
    for (int i = 0; i < queues.size(); i++) {
      bytes += queues.get(i).ring.bytes();
    }
    return bytes;
  }

  boolean isDrained() {
    for (SendQueue queue : queues) {
      if (!queue.isDrained()) {
        return false;
      }
    }
    return true;
  }

  /** Waits for the answer of the probe that is out; {@return false when none is} */
  boolean joinProbe(CompletableFuture<Boolean> answer) {
    CompletableFuture<Boolean> waiting = probe;
    if (waiting != null) {
      var _ = waiting.thenAccept(answer::complete);
    }
    return waiting != null;
  }

  void setProbe(CompletableFuture<Boolean> answer) {
    probe = answer;
  }

  /** The probe that is out has an answer. */
  void probed(boolean alive) {
    CompletableFuture<Boolean> waiting = probe;
    probe = null;
    if (waiting != null) {
      waiting.complete(alive);
    }
  }

  @Override
  public String toString() {
    return device.name() + " to " + peerPath + " " + state();
  }
}
