// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** The state of a queue pair: {@code ibv_modify_qp(3)}. */
public enum QueuePairState {
  /** It is new. */
  RESET(Ibv.IBV_QPS_RESET()),
  /** It is bound to a port. */
  INIT(Ibv.IBV_QPS_INIT()),
  /** It knows its peer and answers it. */
  READY_TO_RECEIVE(Ibv.IBV_QPS_RTR()),
  /** It is connected: requests may be posted. */
  READY_TO_SEND(Ibv.IBV_QPS_RTS()),
  /** It drains its send queue. */
  SEND_QUEUE_DRAINED(Ibv.IBV_QPS_SQD()),
  /** A request failed on an unreliable queue pair. We use none. */
  SEND_QUEUE_ERROR(Ibv.IBV_QPS_SQE()),
  /** It is dead: posted requests are flushed. */
  ERROR(Ibv.IBV_QPS_ERR()),
  /** A number that is not in verbs.h, or a state that the device does not know. */
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
