// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_ah_attr;
import io.transferengine.bindings.ibv_gid;
import io.transferengine.bindings.ibv_global_route;
import io.transferengine.bindings.ibv_qp_attr;
import io.transferengine.os.Errno;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Optional;

/**
 * {@code ibv_modify_qp}: which step is allowed from where, with which attributes. Stricter than a
 * device in that each step takes exactly the attributes that it needs. Under the fabric's lock.
 */
final class SimulatedSteps {
  private static final int INVALID = Errno.EINVAL.number();

  private SimulatedSteps() {}

  /** {@return 0 when the step was made, else the errno} */
  static int step(
      SimulatedFabric fabric, SimulatedQueuePair queuePair, MemorySegment attributes, int mask) {
    QueuePairState from = queuePair.state;
    QueuePairState to = QueuePairState.of(ibv_qp_attr.qp_state(attributes));
    int errno =
        switch (to) {
          case INIT ->
              from == QueuePairState.RESET && mask == QueuePairAttributes.INIT_MASK
                  ? toInit(queuePair, attributes)
                  : INVALID;
          case READY_TO_RECEIVE ->
              from == QueuePairState.INIT && mask == QueuePairAttributes.READY_TO_RECEIVE_MASK
                  ? toReadyToReceive(fabric, queuePair, attributes)
                  : INVALID;
          case READY_TO_SEND ->
              from == QueuePairState.READY_TO_RECEIVE
                      && mask == QueuePairAttributes.READY_TO_SEND_MASK
                  ? toReadyToSend(attributes)
                  : INVALID;
          case ERROR ->
              from != QueuePairState.RESET && mask == QueuePairAttributes.STATE_MASK ? 0 : INVALID;
          case RESET, SEND_QUEUE_DRAINED, SEND_QUEUE_ERROR, UNKNOWN -> INVALID;
        };
    if (errno == 0) {
      if (to == QueuePairState.ERROR) {
        fabric.nic().moveToError(queuePair);
      }
      queuePair.state = to;
    }
    return errno;
  }

  private static int toInit(SimulatedQueuePair queuePair, MemorySegment attributes) {
    if (ibv_qp_attr.port_num(attributes) != 1 || ibv_qp_attr.pkey_index(attributes) != 0) {
      return INVALID;
    }
    queuePair.access = ibv_qp_attr.qp_access_flags(attributes);
    return 0;
  }

  private static int toReadyToReceive(
      SimulatedFabric fabric, SimulatedQueuePair queuePair, MemorySegment attributes) {
    MemorySegment route = ibv_qp_attr.ah_attr(attributes);
    MemorySegment global = ibv_ah_attr.grh(route);
    int mtu = ibv_qp_attr.path_mtu(attributes);
    int gidIndex = Byte.toUnsignedInt(ibv_global_route.sgid_index(global));
    int reads = Byte.toUnsignedInt(ibv_qp_attr.max_dest_rd_atomic(attributes));
    if (mtu < Ibv.IBV_MTU_256()
        || mtu > SimulatedLimits.MTU
        || reads > SimulatedLimits.READS_AT_ONCE
        || ibv_ah_attr.port_num(route) != 1
        || ibv_ah_attr.is_global(route) != 1
        || gidIndex >= SimulatedDevice.GID_TABLE_LENGTH
        || Arrays.equals(queuePair.device.gid(gidIndex), new byte[16])) {
      return INVALID;
    }
    byte[] gid = ibv_gid.raw(ibv_global_route.dgid(global)).toArray(ValueLayout.JAVA_BYTE);
    Optional<SimulatedDevice> peer = fabric.deviceOf(gid);
    if (peer.isEmpty() || fabric.faults.isWithoutRoute(queuePair.device, peer.get())) {
      return Errno.ENETUNREACH.number();
    }
    queuePair.peerDevice = peer.get();
    queuePair.peerNumber = ibv_qp_attr.dest_qp_num(attributes);
    return 0;
  }

  private static int toReadyToSend(MemorySegment attributes) {
    int reads = Byte.toUnsignedInt(ibv_qp_attr.max_rd_atomic(attributes));
    return reads > SimulatedLimits.READS_AT_ONCE ? INVALID : 0;
  }
}
