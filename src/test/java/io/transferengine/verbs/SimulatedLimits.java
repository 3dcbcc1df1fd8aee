// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_device_attr;
import io.transferengine.bindings.ibv_port_attr;
import java.lang.foreign.MemorySegment;

/** What every simulated device says of itself. */
final class SimulatedLimits {
  static final int QUEUE_PAIR_WORK_REQUESTS = 16_384;
  static final int COMPLETION_QUEUE_ENTRIES = 1 << 20;
  static final int ELEMENTS = 32;
  static final int COMPLETION_VECTORS = 4;
  static final int READS_AT_ONCE = 16;
  static final int MTU = Ibv.IBV_MTU_4096();

  private SimulatedLimits() {}

  /** {@return what is granted to who asks for {@code asked}: more, as rxe does} */
  static int granted(int asked) {
    return 2 * Integer.highestOneBit(asked) - 1;
  }

  static void fillDevice(MemorySegment attributes, int elements, int readElements) {
    attributes.fill((byte) 0);
    ibv_device_attr.fw_ver(attributes).setString(0, "simulated");
    ibv_device_attr.max_mr_size(attributes, -1L);
    ibv_device_attr.max_qp(attributes, 65_536);
    ibv_device_attr.max_qp_wr(attributes, QUEUE_PAIR_WORK_REQUESTS);
    ibv_device_attr.max_sge(attributes, elements);
    ibv_device_attr.max_sge_rd(attributes, readElements);
    ibv_device_attr.max_cq(attributes, 65_536);
    ibv_device_attr.max_cqe(attributes, COMPLETION_QUEUE_ENTRIES);
    ibv_device_attr.max_mr(attributes, 1 << 20);
    ibv_device_attr.max_pd(attributes, 1024);
    ibv_device_attr.max_qp_rd_atom(attributes, READS_AT_ONCE);
    ibv_device_attr.max_qp_init_rd_atom(attributes, READS_AT_ONCE);
    ibv_device_attr.phys_port_cnt(attributes, (byte) 1);
  }

  static void fillPort(MemorySegment attributes, boolean active) {
    attributes.fill((byte) 0);
    ibv_port_attr.state(attributes, active ? Ibv.IBV_PORT_ACTIVE() : Ibv.IBV_PORT_DOWN());
    ibv_port_attr.max_mtu(attributes, MTU);
    ibv_port_attr.active_mtu(attributes, MTU);
    ibv_port_attr.gid_tbl_len(attributes, SimulatedDevice.GID_TABLE_LENGTH);
    // 2^31, which is a negative int, as rxe says.
    ibv_port_attr.max_msg_sz(attributes, Integer.MIN_VALUE);
    ibv_port_attr.pkey_tbl_len(attributes, (short) 1);
    ibv_port_attr.link_layer(attributes, (byte) Ibv.IBV_LINK_LAYER_ETHERNET());
  }
}
