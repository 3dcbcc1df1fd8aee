// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_qp;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code struct ibv_qp}. Guarded by the fabric's lock. */
final class SimulatedQueuePair extends SimulatedHandle {
  final SimulatedHandle.Domain domain;
  final SimulatedCompletionQueue queue;
  final int number;
  final int maxSendWorkRequests;
  final int elementsMax;
  final Deque<Request> sendQueue = new ArrayDeque<>();

  QueuePairState state = QueuePairState.RESET;
  int access;
  int peerNumber;

  /** Null before RTR. */
  @Nullable SimulatedDevice peerDevice;

  /** Requests posted so far; the last one's sequence. */
  long posted;

  /** All requests up to this one have given back their slot, because a completion was polled. */
  long freedUpTo;

  /** Events that were handed out and are not acknowledged. */
  int unacknowledged;

  /** A range of ours. */
  record Element(long address, int length, int key) {}

  /** A copy of {@code struct ibv_send_wr} and its elements. */
  static final class Request {
    final long sequence;
    final long workRequestId;
    final boolean write;
    final boolean signalled;
    final List<Element> elements;

    /** Of all elements. */
    final int length;

    final long remoteAddress;
    final int remoteKey;

    /** {@code System.nanoTime()} before which it is not executed. */
    final long dueNanos;

    /** When it first found no way to the peer. */
    long stalledSinceNanos;

    boolean stalled;

    Request(long sequence, NativeRequest from, long dueNanos) {
      this.sequence = sequence;
      this.workRequestId = from.workRequestId();
      this.write = from.opcode() == Ibv.IBV_WR_RDMA_WRITE();
      this.signalled = from.isSignalled();
      this.elements = from.copyElements();
      this.length = from.length();
      this.remoteAddress = from.remoteAddress();
      this.remoteKey = from.remoteKey();
      this.dueNanos = dueNanos;
    }

    boolean uses(SimulatedHandle.Region region) {
      return elements.stream().anyMatch(each -> each.key == region.localKey);
    }
  }

  SimulatedQueuePair(
      SimulatedHandle.Domain domain,
      SimulatedCompletionQueue queue,
      int number,
      int maxSendWorkRequests,
      int elementsMax) {
    super(domain.device, "queue pair " + number, ibv_qp.layout());
    this.domain = domain;
    this.queue = queue;
    this.number = number;
    this.maxSendWorkRequests = maxSendWorkRequests;
    this.elementsMax = elementsMax;
    ibv_qp.qp_num(struct, number);
    ibv_qp.handle(struct, index);
  }

  boolean canAnswer() {
    return !destroyed
        && (state == QueuePairState.READY_TO_RECEIVE || state == QueuePairState.READY_TO_SEND);
  }

  /** Whether it is the other end of {@code asking}'s connection. */
  boolean isPeerOf(SimulatedQueuePair asking) {
    return peerNumber == asking.number && peerDevice == asking.device;
  }
}
