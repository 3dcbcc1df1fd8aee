// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.OWN;

import java.util.List;

/** How much strangers may make us hold; part of {@link Options#all()}. */
public final class LimitOptions {
  private static final long MIB = 1L << 20;
  private static final long GIB = 1L << 30;

  /** More than a process has descriptors. */
  private static final int MAX_CONNECTIONS = 1 << 20;

  /** As many as MC_MAX_EP_PER_CTX allows. */
  private static final int MAX_ENDPOINTS = 65_535;

  /** No limit that anybody would notice. */
  private static final int MAX_SECONDS = Integer.MAX_VALUE;

  /** Eight pieces of 32 KiB for each of the most I/O threads. */
  private static final long STAGING_MIN = 16 * MIB;

  /** An eighth: these and what is decoded of them leave most of the heap to the application. */
  private static final int PART_OF_HEAP = 8;

  /** What notifications may take that nobody has fetched yet. */
  public static final Option<Long> NOTIFICATIONS =
      new Option<>(
              OWN,
              "TE_NOTIFICATIONS_LIMIT_BYTES",
              "notificationsLimitBytes",
              Form.longSize(MIB, 16 * GIB),
              partOfHeap(8 * MIB, 64 * MIB))
          .unit("bytes")
          .defaultText("an eighth of the heap, 8 to 64 MiB")
          .means(
              "The most memory for notifications that wait to be fetched, at two bytes per"
                  + " character and 128 for each notification. Further ones are refused and"
                  + " counted; their senders are told.")
          .mooncake("Keeps them all.");

  /** The part of it that one address gets. */
  public static final Option<Long> NOTIFICATIONS_PER_PEER =
      new Option<>(
              OWN,
              "TE_NOTIFICATIONS_PER_PEER_LIMIT_BYTES",
              "notificationsPerPeerLimitBytes",
              Form.longSize(MIB, 16 * GIB),
              partOfHeap(8 * MIB, 64 * MIB) / 2)
          .unit("bytes")
          .defaultText("half of that")
          .means("The same for the notifications from one address.");

  /** What the requests on the RPC port may take while they are under way. */
  public static final Option<Long> HANDSHAKE_PAYLOADS =
      new Option<>(
              OWN,
              "TE_HANDSHAKE_PAYLOADS_LIMIT_BYTES",
              "handshakePayloadsLimitBytes",
              Form.longSize(2 * MIB, 16 * GIB),
              partOfHeap(16 * MIB, 256 * MIB))
          .unit("bytes")
          .defaultText("an eighth of the heap, 16 to 256 MiB")
          .means(
              "The most memory for the payloads of requests on the RPC port while they are received"
                  + " and answered, for all connections together. One address gets half of it."
                  + " Beyond it a request's connection is closed and counted. Requests of 8 KiB or"
                  + " less always pass.")
          .mooncake("Serves one request at a time.");

  /** The memory between sockets and registered memory. */
  public static final Option<Long> STAGING =
      new Option<>(
              OWN, "TE_STAGING_BYTES", "stagingBytes", Form.longSize(STAGING_MIN, GIB), STAGING_MIN)
          .unit("bytes")
          .means(
              "The memory that headers and small blocks pass through over TCP, in and out, for all"
                  + " connections together. It is allocated when the engine opens. A quarter of it"
                  + " is kept for our own transfers; the peers at one address get as much of the"
                  + " rest as they leave free. Peers that find none are served one request at a"
                  + " time. With TLS, as much again may be encrypted ahead.");

  /** The memory between sockets and the memory of devices. */
  public static final Option<Long> DEVICE_STAGING =
      new Option<>(
              OWN,
              "TE_DEVICE_STAGING_BYTES",
              "deviceStagingBytes",
              Form.longSize(8 * MIB, GIB),
              32 * MIB)
          .unit("bytes")
          .means(
              "The pinned memory that bytes of devices pass through over TCP, in slots of 1 MiB."
                  + " Half of it is for our own transfers, of which one has half of that at most;"
                  + " the peers at one address get as much of the rest as they leave free. It is"
                  + " pinned when memory of a device is first registered, else never.");

  /** How many of the inbound data connections one address may have. */
  public static final Option<Integer> CONNECTIONS_PER_ADDRESS =
      new Option<>(
              OWN,
              "TE_MAX_INBOUND_CONNECTIONS_PER_ADDRESS",
              "maxInboundConnectionsPerAddress",
              Form.integer(0, MAX_CONNECTIONS),
              0)
          .unit("connections")
          .means(
              "The most inbound data connections from one address; 0 = half of"
                  + " TE_MAX_INBOUND_CONNECTIONS. Beyond it the address's connection idle for"
                  + " longest is closed for the new one; if none is idle, the new one is refused.");

  /** How long an inbound data connection may be without a first request. */
  public static final Option<Integer> INBOUND_SILENCE =
      new Option<>(
              OWN,
              "TE_INBOUND_SILENCE_SECONDS",
              "inboundSilenceSeconds",
              Form.integer(1, MAX_SECONDS),
              60)
          .unit("seconds")
          .means("An inbound data connection is closed after this long without a first request.")
          .mooncake("Waits for ever.");

  /** How many inbound handshakes there may be. */
  public static final Option<Integer> HANDSHAKES =
      new Option<>(
              OWN,
              "TE_MAX_INBOUND_HANDSHAKES",
              "maxInboundHandshakes",
              Form.integer(1, MAX_CONNECTIONS),
              1024)
          .unit("connections")
          .means(
              "The most connections to the RPC port. Beyond it the connection without a request for"
                  + " longest is closed for the new one; if all have one, the new one is refused.")
          .mooncake("Serves one at a time.");

  /** How many of them one address may have. */
  public static final Option<Integer> HANDSHAKES_PER_ADDRESS =
      new Option<>(
              OWN,
              "TE_MAX_INBOUND_HANDSHAKES_PER_ADDRESS",
              "maxInboundHandshakesPerAddress",
              Form.integer(0, MAX_CONNECTIONS),
              0)
          .unit("connections")
          .means(
              "The same for the connections from one address; 0 = half of"
                  + " TE_MAX_INBOUND_HANDSHAKES.");

  /** How many endpoints one address may have us make. */
  public static final Option<Integer> RDMA_ENDPOINTS_PER_ADDRESS =
      new Option<>(
              OWN,
              "TE_RDMA_ENDPOINTS_PER_ADDRESS",
              "rdmaEndpointsPerAddress",
              Form.integer(1, MAX_ENDPOINTS),
              1024)
          .unit("endpoints")
          .means(
              "The most devices behind one address that each of our RDMA devices is connected to"
                  + " because they asked. Beyond it the address's connection that we have not used"
                  + " for longest is closed for the new one; if none can be, the new one is"
                  + " refused. MC_MAX_EP_PER_CTX limits all together.")
          .mooncake("Has no such limit.");

  static final List<Option<?>> ALL =
      List.of(
          CONNECTIONS_PER_ADDRESS,
          INBOUND_SILENCE,
          STAGING,
          DEVICE_STAGING,
          NOTIFICATIONS,
          NOTIFICATIONS_PER_PEER,
          HANDSHAKES,
          HANDSHAKES_PER_ADDRESS,
          HANDSHAKE_PAYLOADS,
          RDMA_ENDPOINTS_PER_ADDRESS);

  private LimitOptions() {}

  private static long partOfHeap(long min, long max) {
    return Math.clamp(Runtime.getRuntime().maxMemory() / PART_OF_HEAP, min, max);
  }
}
