// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/** What an engine counts from its opening on. */
public enum Counter {
  /** Bytes of completed writes to peers. */
  BYTES_WRITTEN("Bytes written"),
  /** Bytes of completed reads from peers. */
  BYTES_READ("Bytes read"),
  /** Those of {@link #BYTES_WRITTEN} that were in memory of a device here. */
  DEVICE_BYTES_WRITTEN("Bytes written from device memory"),
  /** Those of {@link #BYTES_READ} that went into memory of a device here. */
  DEVICE_BYTES_READ("Bytes read into device memory"),
  /** Transfers that were accepted. */
  TRANSFERS_SUBMITTED("Transfers submitted"),
  /** Transfers of which every byte arrived. */
  TRANSFERS_COMPLETED("Transfers completed"),
  /** Transfers that ended with an error. */
  TRANSFERS_FAILED("Transfers failed"),
  /** Transfers that ended by their deadline. */
  TRANSFERS_TIMED_OUT("Transfers timed out"),
  /** Transfers that were canceled. */
  TRANSFERS_CANCELED("Transfers canceled"),
  /**
   * Times that a transfer was ended by force, because it was not settled 5 s after its outcome was
   * set. Always 0, unless there is a mistake in the engine; each is an ERROR in the log.
   */
  LAST_RESORTS("Transfers ended by force"),
  /** Blocks in accepted transfers, before adjacent ones are merged. */
  BLOCKS_SUBMITTED("Blocks submitted"),
  /** Requests put on the wire, after adjacent blocks were merged. */
  REQUESTS_SENT("Requests sent"),
  /** Requests sent again after a loss or a rejection. */
  REQUESTS_RESENT("Requests sent again"),
  /** Requests still in flight when their transfer ended. */
  REQUESTS_ORPHANED("Requests orphaned"),
  /** Requests that the peer refused. */
  REQUESTS_REJECTED_BY_PEER("Requests rejected by the peer"),
  /** Frames to or from peers that were asked for here, and whose checksum was wrong. */
  CHECKSUM_MISMATCHES("Checksum mismatches"),
  /** Transfers without checksums although those were asked for: the peer or transport has none. */
  TRANSFERS_UNCHECKED("Transfers without a checksum"),
  /** Bytes that peers wrote into memory registered here. */
  INBOUND_BYTES_WRITTEN("Inbound bytes written"),
  /** Bytes that peers read from memory registered here. */
  INBOUND_BYTES_READ("Inbound bytes read"),
  /**
   * Bytes that peers wrote into memory of devices here, copied there. Over RDMA network cards write
   * them, and count nothing.
   */
  INBOUND_DEVICE_BYTES_WRITTEN("Inbound bytes written to device memory"),
  /** Bytes of memory of devices here that were copied for peers that read them. */
  INBOUND_DEVICE_BYTES_READ("Inbound bytes read from device memory"),
  /**
   * Bytes sent over TCP to peers that read here, without Netty asking the kernel for a copy ({@code
   * TE_TCP_ZERO_COPY_BYTES}). Netty does not tell whether the kernel made one all the same, as it
   * does on one machine.
   */
  ZERO_COPY_BYTES_SENT("Bytes sent without a copy"),
  /** Requests that peers sent here. */
  INBOUND_REQUESTS("Inbound requests"),
  /** Requests of peers that were refused here. */
  INBOUND_REJECTED("Inbound requests rejected"),
  /** Frames of peers whose checksum was wrong. Senders are told. */
  INBOUND_CHECKSUM_MISMATCHES("Inbound checksum mismatches"),
  /**
   * Requests of peers that were refused because the registration's rights do not allow them. They
   * count as {@link #INBOUND_REJECTED} too. Over RDMA the network card refuses, and counts nothing.
   */
  ACCESS_REFUSED_BY_RIGHTS("Requests refused by rights"),
  /**
   * What the access policy refused: requests of peers over TCP, which count as {@link
   * #INBOUND_REJECTED} too, and connections over RDMA.
   */
  ACCESS_REFUSED_BY_POLICY("Access refused by policy"),
  /**
   * Version 1 requests that were served before an earlier write, because that had stalled for too
   * long.
   */
  INBOUND_ORDER_GIVEN_UP("Inbound requests ahead of a stalled write"),
  /** Connections of peers that were closed at once: there were too many, and none was idle. */
  INBOUND_CONNECTIONS_REFUSED("Inbound connections refused"),
  /** Idle connections of peers that were closed to make room for others. */
  INBOUND_CONNECTIONS_EVICTED("Inbound connections evicted"),
  /** Connections of peers that were closed because they never sent a request. */
  INBOUND_CONNECTIONS_SILENT("Inbound connections silent"),
  /** Times that a connection needed staging memory while its share was in use. */
  STAGING_DRY("Staging dry"),
  /**
   * Those of {@link #STAGING_DRY} in which there was staging memory for other addresses: that of
   * the connection had as much as it left free.
   */
  STAGING_SHARE_DRY("Staging share of an address dry"),
  /**
   * Times that a request of a peer for device memory waited for a slot: all were in use, or its
   * address had as many as it left free.
   */
  DEVICE_SLOTS_DRY("Device slots dry"),
  /**
   * Times that a TLS connection encrypted no more than one record ahead, or read no more than one,
   * since what all of them may hold was in use.
   */
  TLS_BUDGET_DRY("TLS budget dry"),
  /** Data connections made to peers. */
  CONNECTIONS_OPENED("Connections opened"),
  /** Data connections to peers that broke, rather than being closed by this engine. */
  CONNECTIONS_LOST("Connections lost"),
  /** Open connections to peers that ended otherwise: idle, used up, or no longer needed. */
  CONNECTIONS_ENDED("Connections ended"),
  /** Handshake requests that were answered. */
  HANDSHAKES_SERVED("Handshakes served"),
  /** Questions of ours on peers' RPC ports that were answered. */
  HANDSHAKES_MADE("Handshakes made"),
  /** Questions of ours on peers' RPC ports that were not answered, or not as they should be. */
  HANDSHAKES_FAILED("Handshakes failed"),
  /** Handshake connections that were closed without an answer: malformed, silent, or too many. */
  HANDSHAKES_REFUSED("Handshakes refused"),
  /** Handshake connections without a request under way that were closed to make room for others. */
  HANDSHAKES_EVICTED("Handshakes evicted"),
  /** Handshakes refused because the payloads of others left no room for the request. */
  HANDSHAKES_OVER_BUDGET("Handshakes over the byte budget"),
  /**
   * Connections to our ports that were closed because of their TLS handshake: no TLS, no
   * certificate, or one that is not accepted.
   */
  TLS_CONNECTIONS_REFUSED("TLS connections refused"),
  /**
   * Data connections of peers that got no further requests served, since the certificate that they
   * were made with had ended.
   */
  TLS_CONNECTIONS_EXPIRED("TLS connections expired"),
  /**
   * Times that a peer's TLS handshake had to wait for its turn: others were at their ciphers, as
   * many as may be at once.
   */
  TLS_HANDSHAKES_WAITED("TLS handshakes waited"),
  /** Connections to peers that were given up because of their TLS handshake. */
  TLS_PEERS_REFUSED("TLS peers refused"),
  /** Connections to our ports that were closed because they proved no token, or a wrong one. */
  TOKEN_CONNECTIONS_REFUSED("token connections refused"),
  /** Connections to peers that were given up because of the exchange of tokens. */
  TOKEN_PEERS_REFUSED("token peers refused"),
  /**
   * Descriptors from a metadata service that were dropped because they were older than the one in
   * use.
   */
  STALE_DESCRIPTORS("Stale descriptors dropped"),
  /** Times that TCP was used where RDMA was preferred. */
  TCP_CHOSEN_OVER_RDMA("TCP chosen over RDMA"),
  /** Transfers moved to TCP because no RDMA path was open for some seconds. */
  TRANSFERS_MOVED_TO_TCP("Transfers moved to TCP"),
  /** Peers on this machine whose memory is copied instead of being sent. */
  LOCAL_PEERS("Local peers"),
  /** Peers on this machine that are reached over the network; the log says why. */
  LOCAL_PEERS_MISSED("Local peers missed"),
  /** Peers on this machine whose memory was copied, and that have ended. */
  LOCAL_PEERS_LOST("Local peers lost"),
  /** Requests of peers on this machine for slots in our area that were refused. */
  LOCAL_LEASES_REFUSED("Local leases refused"),
  /** Pools of managed memory of peers on this machine that were mapped, to be copied plainly. */
  LOCAL_POOLS_MAPPED("Local pools mapped"),
  /** Those that could not be mapped, or were too many; they are copied with system calls. */
  LOCAL_POOLS_NOT_MAPPED("Local pools not mapped"),
  /**
   * Transfers to or from peers on this machine that went over the network, at least in part,
   * because of the memory of devices that they move; the log says why.
   */
  LOCAL_DEVICE_TRANSFERS_MISSED("Local device transfers missed"),
  /** Allocations of devices of peers on this machine that were opened here (CUDA IPC). */
  LOCAL_DEVICE_ALLOCATIONS_OPENED("Local device allocations opened"),
  /** Those that could not be opened; their transfers go over the network. */
  LOCAL_DEVICE_ALLOCATIONS_REFUSED("Local device allocations refused"),
  /** RDMA paths (pairs of devices) that were connected. */
  RDMA_PATHS_CONNECTED("RDMA paths connected"),
  /** Attempts to connect an RDMA path that failed. Requests used another path, or waited. */
  RDMA_PATHS_FAILED("RDMA paths failed"),
  /** Open RDMA paths that were lost: the peer, a device or a link has failed. */
  RDMA_PATHS_LOST("RDMA paths lost"),
  /** RDMA endpoints that were closed to make room for others. */
  RDMA_ENDPOINTS_EVICTED("RDMA endpoints evicted"),
  /** RDMA endpoints that ended because a transfer over them was cut off and they were stuck. */
  RDMA_ENDPOINTS_CUT_OFF("RDMA endpoints cut off"),
  /** RDMA handshakes of strangers that were refused before anything was allocated for them. */
  RDMA_HANDSHAKES_REFUSED("RDMA handshakes refused"),
  /** Transfers repeated with a new descriptor, because the peer refused the old one. */
  STALE_DESCRIPTORS_REPEATED("Transfers repeated for a stale descriptor"),
  /**
   * Notifications of peers that were refused, because too many wait to be fetched or because they
   * are too long. Senders are told.
   */
  NOTIFICATIONS_DROPPED("Notifications dropped"),
  /** Notifications on completion that did not reach the peer. */
  NOTIFICATIONS_FAILED("Notifications not delivered"),
  /** Notifications of peers that were taken without their trace context, which had no such form. */
  TRACE_PARENTS_MALFORMED("Malformed trace contexts"),
  /**
   * Connections to the port for figures that were refused, made room for others, or were too slow,
   * and requests there for something else.
   */
  METRICS_REQUESTS_REFUSED("Metrics requests refused"),
  /**
   * Events that listeners were not told of, because too many waited or strangers caused too many.
   */
  EVENTS_OMITTED("Events omitted");

  private final String label;

  Counter(String label) {
    this.label = label;
  }

  /** {@return its name, for people} */
  public String label() {
    return label;
  }
}
