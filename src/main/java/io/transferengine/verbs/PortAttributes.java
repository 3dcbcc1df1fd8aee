// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.ibv_port_attr;
import java.lang.foreign.MemorySegment;

/**
 * A port's state: {@code ibv_query_port(3)}.
 *
 * @param state whether it moves data
 * @param activeMtuBytes the packet size in use: 256 to 4096, 0 if unknown
 * @param maxMtuBytes the largest packet size of the port: 256 to 4096, 0 if unknown
 * @param gidTableLength the number of GIDs, indexed from 0
 * @param lid the local identifier, 0 to 65535; 0 on Ethernet
 * @param maxMessageBytes the longest request; up to 2<sup>31</sup>, which is C's {@code uint32_t}
 * @param linkLayer its link layer
 */
public record PortAttributes(
    PortState state,
    int activeMtuBytes,
    int maxMtuBytes,
    int gidTableLength,
    int lid,
    long maxMessageBytes,
    LinkLayer linkLayer) {

  /** Reads {@code struct ibv_port_attr}. */
  static PortAttributes of(MemorySegment attributes) {
    return new PortAttributes(
        PortState.of(ibv_port_attr.state(attributes)),
        Mtu.bytesOf(ibv_port_attr.active_mtu(attributes)),
        Mtu.bytesOf(ibv_port_attr.max_mtu(attributes)),
        ibv_port_attr.gid_tbl_len(attributes),
        Short.toUnsignedInt(ibv_port_attr.lid(attributes)),
        Integer.toUnsignedLong(ibv_port_attr.max_msg_sz(attributes)),
        LinkLayer.of(Byte.toUnsignedInt(ibv_port_attr.link_layer(attributes))));
  }
}
