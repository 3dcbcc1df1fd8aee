// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.config.LimitOptions;
import io.transferengine.config.Options;

/** What strangers may make us hold, in {@link EngineConfig.Builder}. Not thread-safe. */
abstract sealed class LimitBuilder extends TlsBuilder permits MetadataBuilder {
  LimitBuilder() {}

  /**
   * The most memory for notifications that wait to be fetched, at two bytes per character and 128
   * for each notification. Further ones are refused and counted; their senders are told. ({@code
   * TE_NOTIFICATIONS_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 1 MiB to 16 GiB
   * @return this builder
   */
  public EngineConfig.Builder notificationsLimitBytes(long value) {
    return set(LimitOptions.NOTIFICATIONS, value);
  }

  /**
   * The same for the notifications from one address. ({@code
   * TE_NOTIFICATIONS_PER_PEER_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 1 MiB to 16 GiB
   * @return this builder
   */
  public EngineConfig.Builder notificationsPerPeerLimitBytes(long value) {
    return set(LimitOptions.NOTIFICATIONS_PER_PEER, value);
  }

  /**
   * The most memory for the payloads of requests on the RPC port while they are received and
   * answered, for all connections together. One address gets half of it. Beyond it a request's
   * connection is closed and counted. Requests of 8 KiB or less always pass. ({@code
   * TE_HANDSHAKE_PAYLOADS_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 2 MiB to 16 GiB
   * @return this builder
   */
  public EngineConfig.Builder handshakePayloadsLimitBytes(long value) {
    return set(LimitOptions.HANDSHAKE_PAYLOADS, value);
  }

  /**
   * The memory that headers and small blocks pass through over TCP, in and out, for all connections
   * together. It is allocated when the engine opens. A quarter of it is kept for our own transfers;
   * the peers at one address get as much of the rest as they leave free. Peers that find none are
   * served one request at a time. With TLS, as much again may be encrypted ahead. ({@code
   * TE_STAGING_BYTES})
   *
   * @param value a whole number of bytes, 16777216 (16 MiB) to 1073741824 (1 GiB)
   * @return this builder
   */
  public EngineConfig.Builder stagingBytes(long value) {
    return set(LimitOptions.STAGING, value);
  }

  /**
   * The pinned memory that bytes of devices pass through over TCP, in slots of 1 MiB. Half of it is
   * for our own transfers, of which one has half of that at most; the peers at one address get as
   * much of the rest as they leave free. It is pinned when memory of a device is first registered,
   * else never. ({@code TE_DEVICE_STAGING_BYTES})
   *
   * @param value a whole number of bytes, 8388608 (8 MiB) to 1073741824 (1 GiB)
   * @return this builder
   */
  public EngineConfig.Builder deviceStagingBytes(long value) {
    return set(LimitOptions.DEVICE_STAGING, value);
  }

  /**
   * The most inbound data connections from one address; 0 = half of {@code
   * TE_MAX_INBOUND_CONNECTIONS}. Beyond it the address's connection idle for longest is closed for
   * the new one; if none is idle, the new one is refused. ({@code
   * TE_MAX_INBOUND_CONNECTIONS_PER_ADDRESS})
   *
   * @param value a whole number of connections, 0 to 1048576
   * @return this builder
   */
  public EngineConfig.Builder maxInboundConnectionsPerAddress(int value) {
    return set(LimitOptions.CONNECTIONS_PER_ADDRESS, value);
  }

  /**
   * An inbound data connection is closed after this long without a first request. ({@code
   * TE_INBOUND_SILENCE_SECONDS})
   *
   * @param value a whole number of seconds, 1 to 2147483647
   * @return this builder
   */
  public EngineConfig.Builder inboundSilenceSeconds(int value) {
    return set(LimitOptions.INBOUND_SILENCE, value);
  }

  /**
   * The most connections to the RPC port. Beyond it the connection without a request for longest is
   * closed for the new one; if all have one, the new one is refused. ({@code
   * TE_MAX_INBOUND_HANDSHAKES})
   *
   * @param value a whole number of connections, 1 to 1048576
   * @return this builder
   */
  public EngineConfig.Builder maxInboundHandshakes(int value) {
    return set(LimitOptions.HANDSHAKES, value);
  }

  /**
   * The same for the connections from one address; 0 = half of {@code TE_MAX_INBOUND_HANDSHAKES}.
   * ({@code TE_MAX_INBOUND_HANDSHAKES_PER_ADDRESS})
   *
   * @param value a whole number of connections, 0 to 1048576
   * @return this builder
   */
  public EngineConfig.Builder maxInboundHandshakesPerAddress(int value) {
    return set(LimitOptions.HANDSHAKES_PER_ADDRESS, value);
  }

  /**
   * The most devices behind one address that each of our RDMA devices is connected to because they
   * asked. Beyond it the address's connection that we have not used for longest is closed for the
   * new one; if none can be, the new one is refused. {@code MC_MAX_EP_PER_CTX} limits all together.
   * ({@code TE_RDMA_ENDPOINTS_PER_ADDRESS})
   *
   * @param value a whole number of endpoints, 1 to 65535
   * @return this builder
   */
  public EngineConfig.Builder rdmaEndpointsPerAddress(int value) {
    return set(LimitOptions.RDMA_ENDPOINTS_PER_ADDRESS, value);
  }

  /**
   * The most memory that the engine allocates for its callers. ({@code
   * TE_MANAGED_MEMORY_LIMIT_BYTES})
   *
   * @param value a whole number of bytes, 8192 (8 KiB) to 140737488355328 (128 TiB)
   * @return this builder
   */
  public EngineConfig.Builder managedMemoryLimitBytes(long value) {
    return set(Options.MANAGED_MEMORY_LIMIT, value);
  }
}
