// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_cq;
import io.transferengine.bindings.ibv_wc;
import java.lang.foreign.MemorySegment;

/**
 * {@code struct ibv_cq}: a bounded ring of completions, in columns, so that nothing is allocated
 * for one. Guarded by the fabric's lock.
 */
final class SimulatedCompletionQueue extends SimulatedHandle {
  private static final int VENDOR_ERROR = 0x51;

  final SimulatedHandle.Context context;
  final SimulatedHandle.Channel channel;
  final int capacity;
  final int vector;

  private final long[] workRequestIds;
  private final int[] statuses;
  private final SimulatedQueuePair[] queuePairs;
  private final long[] sequences;
  private int first;
  private int count;

  boolean armed;
  boolean overflown;

  /** Events that were handed out and are not acknowledged. */
  int unacknowledged;

  SimulatedCompletionQueue(
      SimulatedHandle.Context context, SimulatedHandle.Channel channel, int capacity, int vector) {
    super(context.device, "completion queue", ibv_cq.layout());
    this.context = context;
    this.channel = channel;
    this.capacity = capacity;
    this.vector = vector;
    workRequestIds = new long[capacity];
    statuses = new int[capacity];
    queuePairs = new SimulatedQueuePair[capacity];
    sequences = new long[capacity];
    ibv_cq.cqe(struct, capacity);
    ibv_cq.handle(struct, index);
  }

  /** Adds a completion; false when there is no room, and then the queue is dead. */
  boolean push(long workRequestId, int status, SimulatedQueuePair queuePair, long sequence) {
    if (count == capacity) {
      overflown = true;
      return false;
    }
    int at = (first + count++) % capacity;
    workRequestIds[at] = workRequestId;
    statuses[at] = status;
    queuePairs[at] = queuePair;
    sequences[at] = sequence;
    if (armed) {
      armed = false;
      channel.events.add(this);
    }
    return true;
  }

  /** Takes completions into {@code struct ibv_wc[room]}, and gives back their send queue slots. */
  int take(int room, MemorySegment completions) {
    int taken = Math.min(room, count);
    for (int i = 0; i < taken; i++) {
      int at = (first + i) % capacity;
      long wc = i * ibv_wc.sizeof();
      completions.set(JAVA_LONG, wc + ibv_wc.wr_id$offset(), workRequestIds[at]);
      completions.set(JAVA_INT, wc + ibv_wc.status$offset(), statuses[at]);
      completions.set(
          JAVA_INT,
          wc + ibv_wc.vendor_err$offset(),
          statuses[at] == Ibv.IBV_WC_SUCCESS() ? 0 : VENDOR_ERROR);
      completions.set(JAVA_INT, wc + ibv_wc.qp_num$offset(), queuePairs[at].number);
      queuePairs[at].freedUpTo = Math.max(queuePairs[at].freedUpTo, sequences[at]);
    }
    first = (first + taken) % capacity;
    count -= taken;
    return taken;
  }

  /** What destroying a queue pair does: its completions are gone. */
  void forget(SimulatedQueuePair queuePair) {
    int kept = 0;
    for (int i = 0; i < count; i++) {
      int from = (first + i) % capacity;
      if (queuePairs[from] != queuePair) {
        int to = (first + kept++) % capacity;
        workRequestIds[to] = workRequestIds[from];
        statuses[to] = statuses[from];
        queuePairs[to] = queuePairs[from];
        sequences[to] = sequences[from];
      }
    }
    count = kept;
  }
}
