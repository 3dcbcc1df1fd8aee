// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/** What is counted, since the engine opened. */
public enum Counter {
  /** Bytes of completed writes to peers. */
  BYTES_WRITTEN("Bytes written"),
  /** Bytes of completed reads from peers. */
  BYTES_READ("Bytes read"),
  /** Transfers that were accepted. */
  TRANSFERS_SUBMITTED("Transfers submitted"),
  /** Transfers whose every byte arrived. */
  TRANSFERS_COMPLETED("Transfers completed"),
  /** Transfers that ended with an error. */
  TRANSFERS_FAILED("Transfers failed"),
  /** Transfers that ended by their deadline. */
  TRANSFERS_TIMED_OUT("Transfers timed out"),
  /** Transfers that were canceled. */
  TRANSFERS_CANCELED("Transfers canceled"),
  /**
   * Times that a transfer had to be ended by force because it was not settled 5 s after its end was
   * decided. Always 0, unless there is a mistake in the engine; each is an ERROR in the log.
   */
  LAST_RESORTS("Transfers ended by force"),
  /** Blocks in accepted transfers, before adjacent ones are merged. */
  BLOCKS_SUBMITTED("Blocks submitted"),
  /** Requests put on the wire, after adjacent blocks were merged. */
  REQUESTS_SENT("Requests sent"),
  /** Requests put on the wire once more, after a loss or a rejection. */
  REQUESTS_RESENT("Requests sent again"),
  /** Requests on the wire that were left to themselves because their transfer had ended. */
  REQUESTS_ORPHANED("Requests orphaned"),
  /** Requests that the peer refused. */
  REQUESTS_REJECTED_BY_PEER("Requests rejected by the peer"),
  /** Bytes that peers wrote into memory registered here. */
  INBOUND_BYTES_WRITTEN("Inbound bytes written"),
  /** Bytes that peers read from memory registered here. */
  INBOUND_BYTES_READ("Inbound bytes read"),
  /** Requests that peers sent here. */
  INBOUND_REQUESTS("Inbound requests"),
  /** Requests of peers that were refused here. */
  INBOUND_REJECTED("Inbound requests rejected"),
  /** Version 1 requests that went ahead of an earlier write, since it had stalled for too long. */
  INBOUND_ORDER_GIVEN_UP("Inbound requests ahead of a stalled write"),
  /** Connections of peers that were closed at once: too many, and none of them idle. */
  INBOUND_CONNECTIONS_REFUSED("Inbound connections refused"),
  /** Idle connections of peers that were closed to make room for others. */
  INBOUND_CONNECTIONS_EVICTED("Inbound connections evicted"),
  /** Connections of peers that were closed because they never asked for anything. */
  INBOUND_CONNECTIONS_SILENT("Inbound connections silent"),
  /** Times that staging memory was wanted for a connection, and its share was in use. */
  STAGING_DRY("Staging dry"),
  /** Data connections made to peers. */
  CONNECTIONS_OPENED("Connections opened"),
  /** Data connections to peers that broke, rather than being closed from here. */
  CONNECTIONS_LOST("Connections lost"),
  /** Handshake requests that were answered. */
  HANDSHAKES_SERVED("Handshakes served"),
  /** Handshake connections that were closed without an answer: malformed, silent or too many. */
  HANDSHAKES_REFUSED("Handshakes refused"),
  /** Handshake connections without a request under way that were closed to make room for others. */
  HANDSHAKES_EVICTED("Handshakes evicted"),
  /** Those refused whose request found no room beside the payloads of others. */
  HANDSHAKES_OVER_BUDGET("Handshakes over the byte budget"),
  /** Descriptors read from a metadata service that were older than the one in use: dropped. */
  STALE_DESCRIPTORS("Stale descriptors dropped"),
  /** Times that TCP was taken where RDMA was asked for. */
  TCP_CHOSEN_OVER_RDMA("TCP chosen over RDMA"),
  /** Transfers that went over to TCP because no RDMA path was left for some seconds. */
  TRANSFERS_MOVED_TO_TCP("Transfers moved to TCP"),
  /** Pairs of NICs that queue pairs were connected over. */
  RDMA_PATHS_CONNECTED("RDMA paths connected"),
  /** RDMA paths that failed: their requests went over another, or waited for them to come back. */
  RDMA_PATHS_FAILED("RDMA paths failed"),
  /** RDMA endpoints that made room for others. */
  RDMA_ENDPOINTS_EVICTED("RDMA endpoints evicted"),
  /** RDMA endpoints that ended because a transfer over them did and they were stuck. */
  RDMA_ENDPOINTS_CUT_OFF("RDMA endpoints cut off"),
  /** RDMA handshakes of strangers that were refused before anything was made for them. */
  RDMA_HANDSHAKES_REFUSED("RDMA handshakes refused"),
  /** Transfers repeated with a fresh descriptor, because the one used was refused. */
  STALE_DESCRIPTORS_REPEATED("Transfers repeated for a stale descriptor"),
  /**
   * Notifications of peers that were refused, because what waits to be fetched is too much or
   * because of their own length; senders are told.
   */
  NOTIFICATIONS_DROPPED("Notifications dropped"),
  /** Notifications for the end of a transfer that did not reach the peer. */
  NOTIFICATIONS_FAILED("Notifications not delivered");

  private final String label;

  Counter(String label) {
    this.label = label;
  }

  /** {@return the name for a reader} */
  public String label() {
    return label;
  }
}
