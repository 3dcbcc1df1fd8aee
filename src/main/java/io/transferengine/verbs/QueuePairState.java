// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** Where a queue pair is on its way to a connection, or off it: {@code ibv_modify_qp(3)}. */
public enum QueuePairState {
  /** New. */
  RESET(Ibv.IBV_QPS_RESET()),
  /** Bound to a port. */
  INIT(Ibv.IBV_QPS_INIT()),
  /** Knows its peer, and answers it. */
  READY_TO_RECEIVE(Ibv.IBV_QPS_RTR()),
  /** Connected: requests may be posted. */
  READY_TO_SEND(Ibv.IBV_QPS_RTS()),
  /** Told to drain its send queue. */
  SEND_QUEUE_DRAINED(Ibv.IBV_QPS_SQD()),
  /** A request failed on an unreliable queue pair; not on the ones used here. */
  SEND_QUEUE_ERROR(Ibv.IBV_QPS_SQE()),
  /** Dead: what is posted is flushed. */
  ERROR(Ibv.IBV_QPS_ERR()),
  /** A number that is not in verbs.h, or the device does not know. */
  UNKNOWN(Ibv.IBV_QPS_UNKNOWN());

  private final int raw;

  QueuePairState(int raw) {
    this.raw = raw;
  }

  int raw() {
    return raw;
  }

  static QueuePairState of(int raw) {
    for (QueuePairState state : values()) {
      if (state.raw == raw) {
        return state;
      }
    }
    return UNKNOWN;
  }
}
