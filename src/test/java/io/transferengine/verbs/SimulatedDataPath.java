// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_cq;
import io.transferengine.bindings.ibv_qp;
import io.transferengine.os.Errno;
import java.lang.foreign.MemorySegment;

/** What a device's provider does for each request. */
final class SimulatedDataPath implements DataPath {
  private final SimulatedFabric fabric;
  private final NativeRequest request = new NativeRequest();

  SimulatedDataPath(SimulatedFabric fabric) {
    this.fabric = fabric;
  }

  @Override
  public int postSend(
      MemorySegment queuePair, MemorySegment firstRequest, MemorySegment refusedRequest) {
    synchronized (fabric.lock) {
      fabric.faults.throwIfAsked("ibv_post_send");
      SimulatedQueuePair poster =
          (SimulatedQueuePair) fabric.at(ibv_qp.handle(queuePair), queuePair, "ibv_post_send");
      requireAlive(firstRequest);
      request.start(firstRequest);
      fabric.lastPoster = Thread.currentThread().getName();
      if (poster.device.process().hasCrashed()) {
        refusedRequest.set(JAVA_LONG, 0, request.address());
        return Errno.EIO.number();
      }
      if (poster.state != QueuePairState.READY_TO_SEND && poster.state != QueuePairState.ERROR) {
        throw fabric.violation("ibv_post_send: " + poster + " is in state " + poster.state);
      }
      int accepted = fabric.faults.takeAccepted();
      int refusal = fabric.faults.takePostRefusal();
      for (int taken = 0; request.isThere(); request.next(), taken++) {
        if (taken == accepted) {
          refusedRequest.set(JAVA_LONG, 0, request.address());
          break;
        }
        append(poster);
      }
      if (poster.state == QueuePairState.ERROR) {
        fabric.nic().flush(poster);
      }
      // Instant fabrics measure: who waits for something else is not woken for each chain.
      if (!fabric.instant || !poster.queue.channel.events.isEmpty()) {
        fabric.lock.notifyAll();
      }
      return refusal;
    }
  }

  /** As the linker does for every argument. */
  private static void requireAlive(MemorySegment argument) {
    if (!argument.scope().isAlive()) {
      throw new IllegalStateException("Already closed");
    }
  }

  private void append(SimulatedQueuePair poster) {
    boolean write = request.opcode() == Ibv.IBV_WR_RDMA_WRITE();
    boolean read = request.opcode() == Ibv.IBV_WR_RDMA_READ();
    int inReads = Math.max(1, poster.device.readElements);
    int most = read ? Math.min(poster.elementsMax, inReads) : poster.elementsMax;
    boolean some = request.elements() > 0 && request.elements() <= most && request.length() > 0;
    boolean none = request.elements() == 0 && write;
    if (!(some && (write || read)) && !none) {
      throw fabric.violation(
          String.format(
              "ibv_post_send: opcode %d with %d elements; simulated are writes and reads with up"
                  + " to %d that are not empty, and writes without",
              request.opcode(), request.elements(), most));
    }
    if (poster.posted - poster.freedUpTo >= poster.maxSendWorkRequests) {
      throw fabric.violation(
          String.format(
              "ibv_post_send: the send queue of %s has overflown: %d requests have no polled"
                  + " completion at or behind them",
              poster, poster.maxSendWorkRequests));
    }
    poster.posted++;
    if (fabric.instant) {
      if (request.isSignalled()) {
        fabric.nic().push(poster, request.workRequestId(), Ibv.IBV_WC_SUCCESS(), poster.posted);
      }
      return;
    }
    if (some) {
      requireLiveMemory(poster);
    }
    poster.sendQueue.add(
        new SimulatedQueuePair.Request(poster.posted, request, System.nanoTime() + delayNanos()));
  }

  /** A key that was ours and is not any more is a bug; one that never was fails as in life. */
  private void requireLiveMemory(SimulatedQueuePair poster) {
    for (int i = 0; i < request.elements(); i++) {
      SimulatedHandle.Region region = fabric.byLocalKey(request.localKey(i));
      if (region != null && region.destroyed) {
        throw fabric.violation("ibv_post_send on " + poster + ": " + region + " is deregistered");
      }
    }
  }

  private long delayNanos() {
    long least = fabric.faults.minimalDelayNanos;
    long most = fabric.faults.maximalDelayNanos;
    return most <= least ? least : fabric.random.nextLong(least, most);
  }

  @Override
  public int pollCq(MemorySegment completionQueue, int capacity, MemorySegment completions) {
    synchronized (fabric.lock) {
      fabric.faults.throwIfAsked("ibv_poll_cq");
      SimulatedCompletionQueue queue =
          (SimulatedCompletionQueue)
              fabric.at(ibv_cq.handle(completionQueue), completionQueue, "ibv_poll_cq");
      requireAlive(completions);
      return queue.overflown ? -1 : queue.take(capacity, completions);
    }
  }

  @Override
  public int reqNotifyCq(MemorySegment completionQueue, int solicitedOnly) {
    synchronized (fabric.lock) {
      SimulatedCompletionQueue queue =
          (SimulatedCompletionQueue)
              fabric.at(ibv_cq.handle(completionQueue), completionQueue, "ibv_req_notify_cq");
      queue.armed = true;
      return 0;
    }
  }
}
