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
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;
import org.jspecify.annotations.Nullable;

/**
 * The queue pairs between one of our devices and one of a peer's. There is one endpoint for both
 * directions (protocol section 5.4): the side that asks first connects it, and both may post.
 *
 * <p>It has three parts with three owners. The endpoint's lock guards the <b>connection</b> (state
 * and the peer's queue pair numbers). The lock is held only briefly: never while a queue pair
 * changes its state, which may take a second, and never while a peer is asked. The <b>work</b>
 * (tasks, rings, posting) belongs to the worker's thread. The worker decides when the <b>queue
 * pairs</b> are destroyed; after that nothing touches memory for them.
 *
 * <pre>
 * NEW --> CONNECTING --> WAITING_FOR_ACK --ack--> CONNECTED
 *                '--(peer is known to be ready)-----^
 * any of these --close--> CLOSING --drained--> DESTROYING --> DESTROYED --settled--> CLOSED
 * </pre>
 */
final class RdmaEndpoint {
  enum State {
    /** Queue pairs exist and are not connected. */
    NEW,
    /** Queue pairs are being connected, on a control thread. */
    CONNECTING,
    /**
     * The peer asked and our queue pairs are ready. We must not post until the peer's second
     * message.
     */
    WAITING_FOR_ACK,
    CONNECTED,
    /**
     * Nothing more is posted. Posted requests are flushed once the queue pairs are in the error
     * state.
     */
    CLOSING,
    /** Queue pairs are being destroyed, on a control thread. */
    DESTROYING,
    /** The device touches no memory for it any more. Requests must still be given back. */
    DESTROYED,
    CLOSED
  }

  /** The endpoint's worker, as any thread may use it. No method blocks. */
  interface Worker {
    /**
     * Lets requests of the task use the endpoint.
     *
     * @param isNew whether the task was made and submitted just now, by this thread
     */
    void assign(RdmaEndpoint endpoint, TransferTask task, boolean isNew);

    /** Settles the posted requests of a task soon, because the task has its outcome. */
    void settleSoon(RdmaEndpoint endpoint, TransferTask task);

    /** Ends the endpoint, for a reason that is not a fault of the path to the peer. */
    void close(RdmaEndpoint endpoint, String reason);

    /** {@return whether a request of no bytes gets through to the peer} */
    CompletableFuture<Boolean> probe(RdmaEndpoint endpoint);
  }

  /**
   * The user of an endpoint: tasks come from it and go back to it. The worker's thread calls it;
   * any thread may call {@link #isBusy} and {@link #acknowledged}. No method may block.
   */
  interface Sender {
    /**
     * Gives a sink the present keys. Returns false if the peer does not publish the endpoint's
     * device any more.
     */
    boolean aim(PostingSink sink);

    /** {@return how many bytes the endpoint may have posted while it claims from a task} */
    long shareBytes(TransferTask task);

    /** A task has no more requests to claim. */
    void exhausted(TransferTask task);

    /** A task has got requests back, or cannot use this endpoint. */
    void requeue(TransferTask task);

    /**
     * The endpoint takes no more requests. Its posted requests will be given back later.
     *
     * @param failure present if the path is at fault, not a request or a decision of ours
     */
    void ended(RdmaEndpoint endpoint, Optional<TransferException> failure);

    /** {@return whether transfers of ours to this peer wait or are under way, roughly} */
    boolean isBusy();

    /** The peer's second message has come: it is ready. */
    void acknowledged();
  }

  // Attributes of protocol section 9.1.
  private static final int READ_ATOMIC_MAX = 16;
  private static final int MIN_RNR_TIMER = 12;
  private static final int HOP_LIMIT = 16;
  private static final int TIMEOUT = 14;

  /**
   * One less than in the C++ engine. For soft-RoCE, 7 means for ever, so a request to a peer that
   * was killed would never end. Each side decides this for itself. With the timeout above, it is
   * 0.5 s.
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

  /** Null while only the peer uses the endpoint. */
  private volatile @Nullable Sender sender;

  private volatile long usedNanos = System.nanoTime();

  // Confined to the worker.
  private final LinkedHashSet<TransferTask> tasks = new LinkedHashSet<>();

  /** Made beforehand: when the endpoint ends there may be no memory for it. */
  private final List<TransferTask> returned = new ArrayList<>();

  private @Nullable CompletableFuture<Boolean> probe;

  /** Creates an endpoint, which takes the queue pairs over. */
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

  /** {@return the state} Waits while another thread connects the queue pairs. */
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

  /** {@return the queue pair numbers that ours are connected to; empty if they are not} */
  synchronized List<Long> peerNumbers() {
    return peerNumbers;
  }

  /** {@return the time when it was connected, by {@link System#nanoTime()}} */
  synchronized long connectedNanos() {
    return connectedNanos;
  }

  /** {@return a list for the tasks that get requests back when the endpoint ends; the worker's} */
  List<TransferTask> returned() {
    return returned;
  }

  /** {@return the endpoint's user; empty while only the peer uses it} */
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

  void assign(TransferTask task, boolean isNew) {
    worker.assign(this, task, isNew);
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
   * Connects each queue pair with the peer's at the same index, unless another thread does so or
   * has done so. Blocks; for a second if the peer cannot be found.
   *
   * @param waits whether the peer will send a second message when it is ready
   * @param access what the peer may do over them; asked by the thread that connects them
   * @return whether they are connected to those queue pairs; also false if the endpoint was closed
   *     meanwhile
   * @throws io.transferengine.os.NativeCallException if a queue pair cannot change its state
   */
  boolean connect(PeerPort peer, List<Long> theirs, boolean waits, IntSupplier access) {
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
      connectQueuePairs(peer, theirs, access.getAsInt());
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

  /** {@return false if it was closed meanwhile} */
  private synchronized boolean endConnecting(State to) {
    boolean still = state == State.CONNECTING;
    if (still) {
      state = to;
    }
    notifyAll();
    return still;
  }

  private void connectQueuePairs(PeerPort peer, List<Long> theirs, int access) {
    RdmaSettings settings = device.settings();
    for (int i = 0; i < queues.size(); i++) {
      QueuePair queuePair = queues.get(i).queuePair;
      queuePair.toInit(settings.port(), settings.pkeyIndex(), access);
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

  /** Notes that the peer is ready too. From now on we may post. */
  synchronized void acknowledged() {
    if (state == State.WAITING_FOR_ACK) {
      state = State.CONNECTED;
    }
  }

  /**
   * Begins to close the endpoint: from now on no path uses it. The worker does the rest.
   *
   * @return whether this call was the first
   */
  boolean beginClosing() {
    return advance(State.CLOSING);
  }

  boolean isClosing() {
    return state.compareTo(State.CLOSING) >= 0;
  }

  /** {@return whether this call was the first, so that the caller destroys the queue pairs} */
  boolean beginDestroying() {
    return advance(State.DESTROYING);
  }

  /**
   * Notes that the queue pairs are destroyed: the device touches no memory for them. For any
   * thread.
   */
  void destroyed() {
    boolean _ = advance(State.DESTROYED);
  }

  /** {@return whether peers reach nothing over it any more} */
  boolean isDestroyed() {
    return state.compareTo(State.DESTROYED) >= 0;
  }

  /** {@return whether it is destroyed by then} An interrupt is kept, and ends the wait. */
  synchronized boolean awaitDestroyed(long endNanos) {
    try {
      for (long left = 1; !isDestroyed() && left > 0; left = endNanos - System.nanoTime()) {
        TimeUnit.NANOSECONDS.timedWait(this, endNanos - System.nanoTime());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return isDestroyed();
  }

  void closed() {
    boolean _ = advance(State.CLOSED);
  }

  /** {@return false if it has that state, or a later one, already} */
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

  /** Moves the first task to the end, so that a large task does not make the others wait. */
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

  /** {@return the queue pair with the fewest bytes posted; if some have room, the best of those} */
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

  /**
   * Lets {@code answer} get the result of the probe under way. Returns false if there is no probe.
   */
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

  /** Completes the probe under way, if there is one. */
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
