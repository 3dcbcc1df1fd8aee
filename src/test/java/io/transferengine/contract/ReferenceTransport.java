// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.DeviceDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The least that is a transport: copies between engines of one JVM, which find each other by the
 * incarnation in their descriptors. Whoever writes another one may begin with this.
 *
 * <p>One thread takes the tasks in turn, claims a few requests of one, copies them, and goes on to
 * the next.
 */
class ReferenceTransport implements Transport, TransferTask.Owner {
  static final String NAME = "reference";

  /** Requests that are claimed at a time, and the bytes of one. */
  private static final int CLAIM = 16;

  private static final int REQUEST_MAX_BYTES = 64 << 10;

  /** Where a transport is found: an engine may have several, of different names. */
  private record Place(String incarnation, String transport) {}

  /** What the engines of one test have in common. */
  static final class Network {
    private final Map<Place, ReferenceTransport> places = new ConcurrentHashMap<>();
    private long allowance = Long.MAX_VALUE;

    synchronized void stallAfter(long bytes) {
      allowance = bytes;
    }

    synchronized void resume() {
      allowance = Long.MAX_VALUE;
      notifyAll();
    }

    synchronized boolean isStalled() {
      return allowance == 0;
    }

    /** {@return whether bytes may pass now; waits until they may or the task is to end} */
    private synchronized boolean pass(long bytes, Work work, ReferenceTransport asking)
        throws InterruptedException {
      while (allowance == 0 && !work.task.isEnding() && !asking.stopped) {
        wait();
      }
      if (work.task.isEnding() || asking.stopped) {
        return false;
      }
      if (allowance != Long.MAX_VALUE) {
        allowance = Math.max(0, allowance - bytes);
      }
      return true;
    }

    private synchronized void wake() {
      notifyAll();
    }
  }

  private record Work(String incarnation, String peer, TransferTask task) {}

  private record Request(int block, long local, long remote, long length, boolean unmerged) {}

  private final String name;
  private final TransportContext context;
  private final Network network;
  private final ArrayDeque<Work> waiting = new ArrayDeque<>();
  private @Nullable Thread thread;
  private volatile boolean stopped;

  ReferenceTransport(TransportContext context, Network network) {
    this(NAME, context, network);
  }

  ReferenceTransport(String name, TransportContext context, Network network) {
    this.name = name;
    this.context = context;
    this.network = network;
  }

  private Place place(String incarnation) {
    return new Place(incarnation, name);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void start() {
    network.places.put(place(context.peers().incarnation()), this);
    thread = Thread.ofPlatform().daemon().name("te-reference").start(this::loop);
  }

  @Override
  public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    // The incarnation, which is there already, is all that peers need.
  }

  /** Says what memory our registrations are, in the form of RDMA: TCP's has no place for that. */
  static void describeMemory(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    List<Long> key = List.of(1L);
    descriptor
        .protocols(List.of(SegmentDescriptor.RDMA))
        .devices(List.of(new DeviceDescriptor("fake_0", 1, "::1")))
        .buffers(
            regions.stream()
                .map(
                    each ->
                        new BufferDescriptor(
                            each.location(), each.address(), each.length(), key, key))
                .toList());
  }

  @Override
  public boolean reaches(SegmentDescriptor peer) {
    return peer.incarnation().map(this::place).filter(network.places::containsKey).isPresent();
  }

  @Override
  public void submit(PeerAddress peer, TransferTask task) {
    task.setOwner(this);
    SegmentDescriptor descriptor = peer.descriptor();
    Work work = new Work(descriptor.incarnation().orElse(""), descriptor.name(), task);
    boolean refused;
    synchronized (this) {
      refused = stopped;
      if (!refused) {
        waiting.add(work);
        notifyAll();
      }
    }
    if (refused) {
      task.end(TransferState.FAILED, closed(), FailureCause.SHUTDOWN);
    }
  }

  @Override
  public void cancelRequests(TransferTask task) {
    network.wake();
  }

  @Override
  public void cutOff(TransferTask task) {
    network.wake();
  }

  @Override
  public CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    // A copy holds its region, and takes no longer than a copy of REQUEST_MAX_BYTES takes.
    return CompletableFuture.completedFuture(null);
  }

  @Override
  public void warmUp(PeerAddress peer) {}

  @Override
  public void stop(Duration timeout) {
    leave();
    synchronized (this) {
      stopped = true;
      notifyAll();
    }
    network.wake();
    Thread started = thread;
    if (started != null) {
      try {
        boolean _ = started.join(timeout);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** From now on no peer finds it. */
  void leave() {
    network.places.remove(place(context.peers().incarnation()), this);
  }

  private void loop() {
    try {
      for (Work work = next(); work != null; work = next()) {
        turn(work);
      }
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** {@return the next task; null once this is stopped and none is left} */
  private synchronized @Nullable Work next() throws InterruptedException {
    while (waiting.isEmpty() && !stopped) {
      wait();
    }
    return waiting.poll();
  }

  private void turn(Work work) throws InterruptedException {
    TransferTask task = work.task;
    if (stopped) {
      task.end(TransferState.FAILED, closed(), FailureCause.SHUTDOWN);
      return;
    }
    ReferenceTransport peer = network.places.get(place(work.incarnation));
    if (peer == null) {
      task.end(
          TransferState.FAILED,
          gone(work),
          task.isStarted() ? FailureCause.CONNECTION_LOST : FailureCause.CONNECT);
      return;
    }
    // Settled only when the task's lock is free again: the end of a task is told without it.
    ArrayDeque<Request> claimed = new ArrayDeque<>();
    RequestSink<TransferTask> sink =
        (owner, block, local, remote, length, unmerged) ->
            claimed.add(new Request(block, local, remote, length, unmerged));
    int _ = task.claim(sink, CLAIM, Long.MAX_VALUE, REQUEST_MAX_BYTES);
    for (Request request : claimed) {
      move(work, peer, request);
    }
    synchronized (this) {
      if (task.hasWork()) {
        waiting.add(work);
      }
    }
  }

  private void move(Work work, ReferenceTransport peer, Request request)
      throws InterruptedException {
    TransferTask task = work.task;
    if (!network.pass(request.length, work, this)) {
      if (stopped) {
        task.failed(closed(), FailureCause.SHUTDOWN);
      } else {
        task.orphaned(1);
      }
      return;
    }
    if (!network.places.containsValue(peer)) {
      task.failed(gone(work), FailureCause.CONNECTION_LOST);
      return;
    }
    Region region = peer.context.regions().find(request.remote, request.length);
    if (region == null || !region.acquire(request.remote, request.length)) {
      boolean _ =
          task.rejected(
              request.block,
              request.local,
              request.length,
              request.unmerged,
              refusal(work, request));
      return;
    }
    try {
      copy(task.operation(), request);
    } finally {
      region.release();
    }
    task.completed(1, request.length);
  }

  private static void copy(Operation operation, Request request) {
    MemorySegment local = Mapped.at(request.local, request.length);
    MemorySegment remote = Mapped.at(request.remote, request.length);
    switch (operation) {
      case WRITE -> remote.copyFrom(local);
      case READ -> local.copyFrom(remote);
    }
  }

  private static TransferException refusal(Work work, Request request) {
    return TransferException.withPeer(
        work.peer,
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "%d bytes at 0x%x are not registered there".formatted(request.length, request.remote),
        "Check address and length",
        null);
  }

  private static TransferException gone(Work work) {
    return TransferException.withPeer(
        work.peer, ErrorCode.SOCKET, "the engine is gone", "Open it again", null);
  }

  private static TransferException closed() {
    return new TransferException(ErrorCode.CLOSED, "The reference transport is not running", "");
  }
}
