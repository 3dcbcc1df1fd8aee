// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import io.transferengine.bindings.ibv_ah_attr;
import io.transferengine.bindings.ibv_gid;
import io.transferengine.bindings.ibv_global_route;
import io.transferengine.bindings.ibv_qp_attr;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;

/**
 * Fills {@code struct ibv_qp_attr} for the steps of a queue pair's life. Each step has a mask of
 * the members that it needs.
 */
final class QueuePairAttributes {
  static final int INIT_MASK =
      Ibv.IBV_QP_STATE() | Ibv.IBV_QP_PKEY_INDEX() | Ibv.IBV_QP_PORT() | Ibv.IBV_QP_ACCESS_FLAGS();
  static final int READY_TO_RECEIVE_MASK =
      Ibv.IBV_QP_STATE()
          | Ibv.IBV_QP_AV()
          | Ibv.IBV_QP_PATH_MTU()
          | Ibv.IBV_QP_DEST_QPN()
          | Ibv.IBV_QP_RQ_PSN()
          | Ibv.IBV_QP_MAX_DEST_RD_ATOMIC()
          | Ibv.IBV_QP_MIN_RNR_TIMER();
  static final int READY_TO_SEND_MASK =
      Ibv.IBV_QP_STATE()
          | Ibv.IBV_QP_TIMEOUT()
          | Ibv.IBV_QP_RETRY_CNT()
          | Ibv.IBV_QP_RNR_RETRY()
          | Ibv.IBV_QP_SQ_PSN()
          | Ibv.IBV_QP_MAX_QP_RD_ATOMIC();
  static final int STATE_MASK = Ibv.IBV_QP_STATE();

  private QueuePairAttributes() {}

  static MemorySegment allocate(Arena arena, QueuePairState state) {
    MemorySegment attributes = ibv_qp_attr.allocate(arena);
    ibv_qp_attr.qp_state(attributes, state.raw());
    return attributes;
  }

  static void fillInit(MemorySegment attributes, int port, int pkeyIndex, int accessFlags) {
    ibv_qp_attr.port_num(attributes, (byte) port);
    ibv_qp_attr.pkey_index(attributes, (short) pkeyIndex);
    ibv_qp_attr.qp_access_flags(attributes, accessFlags);
  }

  static void fill(MemorySegment attributes, ReadyToReceive values) {
    ibv_qp_attr.path_mtu(attributes, Mtu.rawOf(values.pathMtuBytes()));
    ibv_qp_attr.dest_qp_num(attributes, values.peerQueuePairNumber());
    ibv_qp_attr.rq_psn(attributes, values.peerPsn());
    ibv_qp_attr.max_dest_rd_atomic(attributes, (byte) values.maxReadAtomicAsTarget());
    ibv_qp_attr.min_rnr_timer(attributes, (byte) values.minRnrTimer());
    MemorySegment route = ibv_qp_attr.ah_attr(attributes);
    ibv_ah_attr.dlid(route, (short) values.peerLid());
    ibv_ah_attr.sl(route, (byte) values.serviceLevel());
    ibv_ah_attr.port_num(route, (byte) values.port());
    if (values.global()) {
      ibv_ah_attr.is_global(route, (byte) 1);
      MemorySegment global = ibv_ah_attr.grh(route);
      ibv_global_route.sgid_index(global, (byte) values.localGidIndex());
      ibv_global_route.hop_limit(global, (byte) values.hopLimit());
      ibv_global_route.traffic_class(global, (byte) values.trafficClass());
      byte[] gid = values.peerGid();
      MemorySegment.copy(
          gid, 0, ibv_gid.raw(ibv_global_route.dgid(global)), ValueLayout.JAVA_BYTE, 0, gid.length);
    }
  }

  static void fill(MemorySegment attributes, ReadyToSend values) {
    ibv_qp_attr.timeout(attributes, (byte) values.timeout());
    ibv_qp_attr.retry_cnt(attributes, (byte) values.retryCount());
    ibv_qp_attr.rnr_retry(attributes, (byte) values.rnrRetry());
    ibv_qp_attr.sq_psn(attributes, values.psn());
    ibv_qp_attr.max_rd_atomic(attributes, (byte) values.maxReadAtomicAsInitiator());
  }

  /** {@return the arguments of {@code ibv_modify_qp} that matter, for an error text} */
  static String describe(MemorySegment attributes, int mask) {
    QueuePairState state = QueuePairState.of(ibv_qp_attr.qp_state(attributes));
    String step = "qp_state=" + state + ", attr_mask=0x" + Integer.toHexString(mask);
    if ((mask & Ibv.IBV_QP_PORT()) != 0) {
      step += ", port_num=" + Byte.toUnsignedInt(ibv_qp_attr.port_num(attributes));
    }
    if ((mask & Ibv.IBV_QP_AV()) == 0) {
      return step;
    }
    MemorySegment route = ibv_qp_attr.ah_attr(attributes);
    MemorySegment global = ibv_ah_attr.grh(route);
    byte[] gid = ibv_gid.raw(ibv_global_route.dgid(global)).toArray(ValueLayout.JAVA_BYTE);
    return step
        + String.format(
            ", dest_qp_num=%d, path_mtu=%d, dgid=%s, sgid_index=%d, dlid=%d",
            ibv_qp_attr.dest_qp_num(attributes),
            Mtu.bytesOf(ibv_qp_attr.path_mtu(attributes)),
            HexFormat.of().formatHex(gid),
            Byte.toUnsignedInt(ibv_global_route.sgid_index(global)),
            Short.toUnsignedInt(ibv_ah_attr.dlid(route)));
  }
}
