// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** Executes posted requests, on one thread for the whole fabric. */
final class SimulatedNic {
  /** Between two looks when nothing has a time; every change wakes the thread up anyway. */
  private static final long IDLE_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final SimulatedFabric fabric;
  private boolean stopped;

  SimulatedNic(SimulatedFabric fabric) {
    this.fabric = fabric;
  }

  void start() {
    Thread.ofPlatform().daemon().name("simulated-nic-" + fabric.seed()).start(this::loop);
  }

  /** Returns when no request is being executed, and none will be. */
  void stop() {
    synchronized (fabric.lock) {
      stopped = true;
      fabric.lock.notifyAll();
    }
  }

  private void loop() {
    while (true) {
      // The lock is given up between two requests, so that a long queue delays nobody.
      synchronized (fabric.lock) {
        if (stopped) {
          return;
        }
        long now = System.nanoTime();
        long waitNanos = IDLE_NANOS;
        List<SimulatedQueuePair> ready = new ArrayList<>();
        for (SimulatedQueuePair queuePair : fabric.queuePairs()) {
          long left = nanosUntilReady(queuePair, now);
          if (left <= 0) {
            ready.add(queuePair);
          } else {
            waitNanos = Math.min(waitNanos, left);
          }
        }
        if (!ready.isEmpty()) {
          execute(ready.get(fabric.random.nextInt(ready.size())), now);
        } else {
          try {
            TimeUnit.NANOSECONDS.timedWait(fabric.lock, waitNanos);
          } catch (InterruptedException e) {
            throw new AssertionError("Nobody knows this thread", e);
          }
        }
      }
    }
  }

  /** {@return 0 or less when the oldest request can be looked at} */
  private long nanosUntilReady(SimulatedQueuePair queuePair, long now) {
    SimulatedQueuePair.@Nullable Request request = queuePair.sendQueue.peek();
    if (request == null || fabric.faults.held) {
      return Long.MAX_VALUE;
    }
    if (request.stalled && peerOf(queuePair) == null) {
      return fabric.faults.retryNanos - (now - request.stalledSinceNanos);
    }
    return request.dueNanos - now;
  }

  /** {@return the other end; null when there is no way to it, or it does not answer us} */
  private @Nullable SimulatedQueuePair peerOf(SimulatedQueuePair queuePair) {
    SimulatedDevice device = queuePair.peerDevice;
    SimulatedQueuePair peer = fabric.queuePair(queuePair.peerNumber);
    if (device == null || peer == null || fabric.faults.isCut(queuePair.device, device)) {
      return null;
    }
    return peer.device == device && peer.canAnswer() && peer.isPeerOf(queuePair) ? peer : null;
  }

  private void execute(SimulatedQueuePair queuePair, long now) {
    SimulatedQueuePair.Request request = queuePair.sendQueue.element();
    SimulatedQueuePair peer = peerOf(queuePair);
    if (peer == null) {
      if (!request.stalled) {
        request.stalled = true;
        request.stalledSinceNanos = now;
      } else if (now - request.stalledSinceNanos >= fabric.faults.retryNanos) {
        fail(queuePair, WorkCompletionStatus.RETRY_EXCEEDED_ERROR);
      }
      return;
    }
    request.stalled = false;
    WorkCompletionStatus status = move(queuePair, peer, request);
    if (status != WorkCompletionStatus.SUCCESS) {
      fail(queuePair, status);
      return;
    }
    queuePair.sendQueue.remove();
    fabric.faults.moved(request.length);
    if (request.signalled && !fabric.faults.takeDrop()) {
      complete(queuePair, request, status);
    }
  }

  private WorkCompletionStatus move(
      SimulatedQueuePair queuePair, SimulatedQueuePair peer, SimulatedQueuePair.Request request) {
    int needed = request.write ? Ibv.IBV_ACCESS_REMOTE_WRITE() : Ibv.IBV_ACCESS_REMOTE_READ();
    if ((peer.access & needed) == 0) {
      // Looked at before any key, as by soft-RoCE.
      refuse(peer);
      return WorkCompletionStatus.REMOTE_INVALID_REQUEST_ERROR;
    }
    if (request.length == 0) {
      // Neither side looks at keys for nothing.
      return fabric.faults.takeFailure();
    }
    for (SimulatedQueuePair.Element element : request.elements) {
      SimulatedHandle.Region local = fabric.byLocalKey(element.key());
      if (local == null
          || local.destroyed
          || local.domain != queuePair.domain
          || !local.covers(element.address(), element.length())
          || !(request.write || local.allows(Ibv.IBV_ACCESS_LOCAL_WRITE()))) {
        return WorkCompletionStatus.LOCAL_PROTECTION_ERROR;
      }
    }
    SimulatedHandle.Region remote = fabric.byRemoteKey(request.remoteKey);
    if (remote == null
        || remote.destroyed
        || remote.domain != peer.domain
        || !remote.covers(request.remoteAddress, request.length)
        || !remote.allows(needed)) {
      refuse(peer);
      return WorkCompletionStatus.REMOTE_ACCESS_ERROR;
    }
    WorkCompletionStatus failure = fabric.faults.takeFailure();
    boolean whole = failure == WorkCompletionStatus.SUCCESS;
    copy(request, whole ? request.length : fabric.random.nextInt(request.length + 1));
    return failure;
  }

  private MemorySegment at(long address, int length) {
    MemorySegment ofDevice = fabric.deviceMemory.at(address, length);
    return ofDevice == null ? NativeRequest.ALL.asSlice(address, length) : ofDevice;
  }

  private MemorySegment into(long address, int length) {
    MemorySegment ofDevice = fabric.deviceMemory.into(address, length);
    return ofDevice == null ? NativeRequest.ALL.asSlice(address, length) : ofDevice;
  }

  private void copy(SimulatedQueuePair.Request request, int length) {
    long remote = request.remoteAddress;
    int left = length;
    for (SimulatedQueuePair.Element element : request.elements) {
      int bytes = Math.min(left, element.length());
      long to = request.write ? remote : element.address();
      long from = request.write ? element.address() : remote;
      into(to, bytes).copyFrom(at(from, bytes));
      remote += bytes;
      left -= bytes;
    }
  }

  /** What a peer's device does with a request that it must not serve. */
  private void refuse(SimulatedQueuePair peer) {
    moveToError(peer);
    fabric.report(peer.domain.context, Ibv.IBV_EVENT_QP_ACCESS_ERR(), peer.struct.address());
  }

  /** Ends the oldest request so, and the queue pair with it. */
  private void fail(SimulatedQueuePair queuePair, WorkCompletionStatus status) {
    complete(queuePair, queuePair.sendQueue.remove(), status);
    moveToError(queuePair);
  }

  /** Flushes everything; idempotent. */
  void moveToError(SimulatedQueuePair queuePair) {
    queuePair.state = QueuePairState.ERROR;
    flush(queuePair);
  }

  void flush(SimulatedQueuePair queuePair) {
    while (!queuePair.sendQueue.isEmpty()) {
      complete(
          queuePair, queuePair.sendQueue.remove(), WorkCompletionStatus.WORK_REQUEST_FLUSHED_ERROR);
    }
  }

  private void complete(
      SimulatedQueuePair queuePair,
      SimulatedQueuePair.Request request,
      WorkCompletionStatus status) {
    push(queuePair, request.workRequestId, status.raw(), request.sequence);
    fabric.lock.notifyAll();
  }

  /** Adds a completion; without allocation as long as there is room. */
  void push(SimulatedQueuePair queuePair, long workRequestId, int status, long sequence) {
    SimulatedCompletionQueue queue = queuePair.queue;
    if (queue.overflown || queue.push(workRequestId, status, queuePair, sequence)) {
      return;
    }
    // Recorded and not thrown: this may be the nic's thread, and the poster is not to blame alone.
    fabric.violation(queue + " has overflown: it has room for " + queue.capacity);
    fabric.report(queue.context, Ibv.IBV_EVENT_CQ_ERR(), queue.struct.address());
  }
}
