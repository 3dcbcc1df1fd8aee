// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_device_attr;
import java.lang.foreign.MemorySegment;

/**
 * A device's limits: {@code ibv_query_device(3)}.
 *
 * @param maxQueuePairs how many queue pairs may be open, in all processes
 * @param maxQueuePairWorkRequests how many requests a send queue may hold
 * @param maxSge how many scatter/gather elements a request may have
 * @param maxCompletionQueueEntries how many completions a queue may hold
 * @param maxMemoryRegions how many registrations there may be
 * @param maxMemoryRegionBytes the longest registration, unsigned
 * @param maxReadAtomicAsTarget how many reads of a peer a queue pair can serve at once: {@code
 *     max_qp_rd_atom}
 * @param maxReadAtomicAsInitiator how many reads a queue pair can have out: {@code
 *     max_qp_init_rd_atom}
 * @param physicalPorts how many ports; the first is 1
 * @param firmwareVersion the vendor's text; may be empty
 */
public record DeviceAttributes(
    int maxQueuePairs,
    int maxQueuePairWorkRequests,
    int maxSge,
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
        ibv_device_attr.max_cqe(attributes),
        ibv_device_attr.max_mr(attributes),
        ibv_device_attr.max_mr_size(attributes),
        ibv_device_attr.max_qp_rd_atom(attributes),
        ibv_device_attr.max_qp_init_rd_atom(attributes),
        Byte.toUnsignedInt(ibv_device_attr.phys_port_cnt(attributes)),
        ibv_device_attr.fw_ver(attributes).getString(0));
  }
}
