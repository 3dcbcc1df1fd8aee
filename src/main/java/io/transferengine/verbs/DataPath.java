// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.lang.foreign.MemorySegment;

/**
 * The verbs of one device that run for each request. In C they are inline functions that jump
 * through {@code ibv_context.ops}, so each device's provider has its own.
 *
 * <p>These methods return errors instead of throwing them, do not allocate, and do not check that a
 * handle is still open: the typed classes do that. Different threads may use different queue pairs
 * and queues at the same time.
 */
public interface DataPath {
  /**
   * Appends a chain of requests to a send queue: {@code ibv_post_send(3)}.
   *
   * @param queuePair {@code struct ibv_qp *}
   * @param firstRequest {@code struct ibv_send_wr *}; only read during the call
   * @param refusedRequest {@code struct ibv_send_wr **}: set to the first request that was not
   *     taken, if the call fails
   * @return 0, or the errno itself; the thread's {@code errno} need not be set
   */
  int postSend(MemorySegment queuePair, MemorySegment firstRequest, MemorySegment refusedRequest);

  /**
   * Takes completions from a queue: {@code ibv_poll_cq(3)}.
   *
   * @param completionQueue {@code struct ibv_cq *}
   * @param capacity the number of completions that {@code completions} has room for
   * @param completions {@code struct ibv_wc[capacity]}
   * @return the number of completions taken, 0 for an empty queue; negative if the queue is broken
   */
  int pollCq(MemorySegment completionQueue, int capacity, MemorySegment completions);

  /**
   * Asks for one event on the queue's channel when the next completion arrives: {@code
   * ibv_req_notify_cq(3)}. A completion that is there already causes no event.
   *
   * @param completionQueue {@code struct ibv_cq *}
   * @param solicitedOnly 0 for every completion
   * @return 0, or the errno itself
   */
  int reqNotifyCq(MemorySegment completionQueue, int solicitedOnly);
}
