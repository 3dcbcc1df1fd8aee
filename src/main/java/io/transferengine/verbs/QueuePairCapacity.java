// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_qp_cap;
import io.transferengine.bindings.ibv_qp_init_attr;
import java.lang.foreign.MemorySegment;

/**
 * {@code struct ibv_qp_cap}: the size of a queue pair. Both its queues have the same number of
 * elements.
 */
record QueuePairCapacity(
    int sendWorkRequests, int receiveWorkRequests, int scatterGatherElements, int inlineBytes) {

  void writeTo(MemorySegment capacity) {
    ibv_qp_cap.max_send_wr(capacity, sendWorkRequests);
    ibv_qp_cap.max_recv_wr(capacity, receiveWorkRequests);
    ibv_qp_cap.max_send_sge(capacity, scatterGatherElements);
    ibv_qp_cap.max_recv_sge(capacity, scatterGatherElements);
    ibv_qp_cap.max_inline_data(capacity, inlineBytes);
  }

  /** {@return the arguments of {@code ibv_create_qp}, for an error text} */
  static String describe(MemorySegment initialAttributes) {
    MemorySegment capacity = ibv_qp_init_attr.cap(initialAttributes);
    return String.format(
        "max_send_wr=%d, max_recv_wr=%d, max_send_sge=%d, max_recv_sge=%d, max_inline_data=%d",
        ibv_qp_cap.max_send_wr(capacity),
        ibv_qp_cap.max_recv_wr(capacity),
        ibv_qp_cap.max_send_sge(capacity),
        ibv_qp_cap.max_recv_sge(capacity),
        ibv_qp_cap.max_inline_data(capacity));
  }
}
