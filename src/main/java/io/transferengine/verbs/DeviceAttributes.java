// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_device_attr;
import java.lang.foreign.MemorySegment;

/**
 * A device's limits: {@code ibv_query_device(3)}.
 *
 * @param maxQueuePairs the most queue pairs that may be open, in all processes together
 * @param maxQueuePairWorkRequests the most requests in a send queue
 * @param maxSge the most scatter/gather elements of a request
 * @param maxReadSge the most of them in a read: {@code max_sge_rd}, which is named after another
 *     kind of queue pairs, but is where the kernel's drivers say this; 0 if it is not said
 * @param maxCompletionQueueEntries the most completions in a queue
 * @param maxMemoryRegions the most registrations
 * @param maxMemoryRegionBytes the length of the longest registration, unsigned
 * @param maxReadAtomicAsTarget the most reads of a peer that a queue pair can serve at once: {@code
 *     max_qp_rd_atom}
 * @param maxReadAtomicAsInitiator the most reads of ours that a queue pair can have under way:
 *     {@code max_qp_init_rd_atom}
 * @param physicalPorts the number of ports; the first has number 1
 * @param firmwareVersion the vendor's text; may be empty
 */
public record DeviceAttributes(
    int maxQueuePairs,
    int maxQueuePairWorkRequests,
    int maxSge,
    int maxReadSge,
    int maxCompletionQueueEntries,
    int maxMemoryRegions,
    long maxMemoryRegionBytes,
    int maxReadAtomicAsTarget,
    int maxReadAtomicAsInitiator,
    int physicalPorts,
    String firmwareVersion) {

  /** Reads {@code struct ibv_device_attr}. */
  static DeviceAttributes of(MemorySegment attributes) {
    return new DeviceAttributes(
        ibv_device_attr.max_qp(attributes),
        ibv_device_attr.max_qp_wr(attributes),
        ibv_device_attr.max_sge(attributes),
        ibv_device_attr.max_sge_rd(attributes),
        ibv_device_attr.max_cqe(attributes),
        ibv_device_attr.max_mr(attributes),
        ibv_device_attr.max_mr_size(attributes),
        ibv_device_attr.max_qp_rd_atom(attributes),
        ibv_device_attr.max_qp_init_rd_atom(attributes),
        Byte.toUnsignedInt(ibv_device_attr.phys_port_cnt(attributes)),
        ibv_device_attr.fw_ver(attributes).getString(0));
  }
}
