// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;
import java.util.Arrays;

/**
 * The status of a request that has ended: {@code ibv_poll_cq(3)}. After any status but {@link
 * #SUCCESS}, the queue pair is in state ERROR, and all later requests end as {@link
 * #WORK_REQUEST_FLUSHED_ERROR}.
 */
public enum WorkCompletionStatus {
  /** The bytes of a write have reached the peer's device, those of a read are in our memory. */
  SUCCESS(Ibv.IBV_WC_SUCCESS()),
  /** The local lengths do not fit the message. */
  LOCAL_LENGTH_ERROR(Ibv.IBV_WC_LOC_LEN_ERR()),
  /** The queue pair cannot do what the request asks; a bug of the caller. */
  LOCAL_QP_OPERATION_ERROR(Ibv.IBV_WC_LOC_QP_OP_ERR()),
  /** Not used any more. */
  LOCAL_EEC_OPERATION_ERROR(Ibv.IBV_WC_LOC_EEC_OP_ERR()),
  /** The local range is not inside the registration of its key. */
  LOCAL_PROTECTION_ERROR(Ibv.IBV_WC_LOC_PROT_ERR()),
  /**
   * The request was not executed, or this is not known: the queue pair was in state ERROR. This may
   * be the first and only status, without the cause: rxe reports it if its own link is down.
   */
  WORK_REQUEST_FLUSHED_ERROR(Ibv.IBV_WC_WR_FLUSH_ERR()),
  /** A memory window could not be bound. We use none. */
  MEMORY_WINDOW_BIND_ERROR(Ibv.IBV_WC_MW_BIND_ERR()),
  /** The peer's answer was not valid. */
  BAD_RESPONSE_ERROR(Ibv.IBV_WC_BAD_RESP_ERR()),
  /** An immediate value could not be placed. We use none. */
  LOCAL_ACCESS_ERROR(Ibv.IBV_WC_LOC_ACCESS_ERR()),
  /** The peer finds the request malformed or too long. */
  REMOTE_INVALID_REQUEST_ERROR(Ibv.IBV_WC_REM_INV_REQ_ERR()),
  /**
   * The remote range is not inside the registration of its key, or the key does not allow this
   * access.
   */
  REMOTE_ACCESS_ERROR(Ibv.IBV_WC_REM_ACCESS_ERR()),
  /** The peer's device failed. */
  REMOTE_OPERATION_ERROR(Ibv.IBV_WC_REM_OP_ERR()),
  /** No repetition was answered: the path is cut, or the peer's queue pair is gone. */
  RETRY_EXCEEDED_ERROR(Ibv.IBV_WC_RETRY_EXC_ERR()),
  /** The peer had no receive ready. */
  RNR_RETRY_EXCEEDED_ERROR(Ibv.IBV_WC_RNR_RETRY_EXC_ERR()),
  /** Not used any more. */
  LOCAL_RDD_VIOLATION_ERROR(Ibv.IBV_WC_LOC_RDD_VIOL_ERR()),
  /** Not used any more. */
  REMOTE_INVALID_RD_REQUEST_ERROR(Ibv.IBV_WC_REM_INV_RD_REQ_ERR()),
  /** The peer gave up. */
  REMOTE_ABORT_ERROR(Ibv.IBV_WC_REM_ABORT_ERR()),
  /** Not used any more. */
  INVALID_EEC_NUMBER_ERROR(Ibv.IBV_WC_INV_EECN_ERR()),
  /** Not used any more. */
  INVALID_EEC_STATE_ERROR(Ibv.IBV_WC_INV_EEC_STATE_ERR()),
  /** The device failed. */
  FATAL_ERROR(Ibv.IBV_WC_FATAL_ERR()),
  /** The peer did not answer in time. */
  RESPONSE_TIMEOUT_ERROR(Ibv.IBV_WC_RESP_TIMEOUT_ERR()),
  /** Anything else. */
  GENERAL_ERROR(Ibv.IBV_WC_GENERAL_ERR()),
  /** Tag matching failed. We do not use it. */
  TAG_MATCHING_ERROR(Ibv.IBV_WC_TM_ERR()),
  /** Tag matching's rendezvous failed. We do not use it. */
  TAG_MATCHING_RENDEZVOUS_INCOMPLETE(Ibv.IBV_WC_TM_RNDV_INCOMPLETE()),
  /** A number that is not in verbs.h. */
  UNKNOWN(-1);

  private static final WorkCompletionStatus[] BY_RAW = byRaw();

  private final int raw;

  WorkCompletionStatus(int raw) {
    this.raw = raw;
  }

  /** {@return the number in {@code enum ibv_wc_status}; -1 for {@link #UNKNOWN}} */
  public int raw() {
    return raw;
  }

  /**
   * {@return the status with C's number {@code raw}, {@link #UNKNOWN} if verbs.h has none}
   *
   * @param raw as {@link WorkCompletions#status} returns it
   */
  public static WorkCompletionStatus of(int raw) {
    return raw >= 0 && raw < BY_RAW.length ? BY_RAW[raw] : UNKNOWN;
  }

  private static WorkCompletionStatus[] byRaw() {
    int last = Arrays.stream(values()).mapToInt(WorkCompletionStatus::raw).max().orElseThrow();
    WorkCompletionStatus[] table = new WorkCompletionStatus[last + 1];
    Arrays.fill(table, UNKNOWN);
    for (WorkCompletionStatus status : values()) {
      if (status.raw >= 0) {
        table[status.raw] = status;
      }
    }
    return table;
  }
}
