// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.access.AccessPolicy;
import io.transferengine.config.Option;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.engine.EngineOptions;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TcpIo;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;

/**
 * The options of an {@link Engine}. Immutable. Every option is here and in {@code
 * docs/CONFIGURATION.md}. The setter or {@link Builder#build()} refuses a value that an option does
 * not accept, with a {@link io.transferengine.transfer.ConfigurationException} that names it.
 */
public final class EngineConfig {
  private final EngineOptions options;

  private EngineConfig(EngineOptions options) {
    this.options = options;
  }

  /**
   * {@return a builder that starts from the environment variables}
   *
   * @param localHostname our host as peers reach it: a name or an address; with a metadata service
   *     our name there
   * @throws io.transferengine.transfer.ConfigurationException for a variable that is malformed
   */
  public static Builder fromEnvironment(String localHostname) {
    return new Builder(localHostname, Settings.builderFromEnvironment());
  }

  /**
   * {@return a builder that starts from the defaults and does not read the environment}
   *
   * @param localHostname our host as peers reach it: a name or an address; with a metadata service
   *     our name there
   */
  public static Builder builder(String localHostname) {
    return new Builder(localHostname, Settings.builder());
  }

  EngineOptions options() {
    return options;
  }

  /** {@return the values that differ from the defaults} */
  @Override
  public String toString() {
    return "EngineConfig[localHostname=%s, metadataServer=%s, protocol=%s, deviceName=%s, %s]"
        .formatted(
            options.localHostname(),
            options.metadataServer(),
            options.protocol(),
            options.deviceName(),
            options.settings());
  }

  /** Collects options. Not thread-safe. */
  public static final class Builder extends RdmaBuilder {
    private final String localHostname;
    private final Settings.Builder settings;
    private String protocol = "";
    private String deviceName = "";
    private @Nullable Executor executor;
    private @Nullable AccessPolicy accessPolicy;
    private String defaultMetadataServer = EngineOptions.P2P_HANDSHAKE;

    private Builder(String localHostname, Settings.Builder settings) {
      this.localHostname = Objects.requireNonNull(localHostname, "localHostname must not be null");
      this.settings = settings;
    }

    /**
     * The transport that moves the bytes.
     *
     * @param value {@code tcp}, {@code rdma}, or empty for the best available (the default)
     * @return this builder
     */
    public Builder protocol(String value) {
      protocol = Objects.requireNonNull(value, "protocol must not be null");
      return this;
    }

    /**
     * The network devices to use.
     *
     * @param value names separated by commas; empty for all (the default)
     * @return this builder
     */
    public Builder deviceName(String value) {
      deviceName = Objects.requireNonNull(value, "deviceName must not be null");
      return this;
    }

    /**
     * The executor on which futures complete, and buffers that others count are released. It must
     * run what it takes.
     *
     * @param value the executor; the default is a virtual thread for each future
     * @return this builder
     */
    public Builder executor(Executor value) {
      executor = Objects.requireNonNull(value, "executor must not be null");
      return this;
    }

    /**
     * Decides which peer may read or write which registration, within the registration's rights.
     *
     * @param value asked by the threads that move bytes, so it must not block; the default lets
     *     every peer
     * @return this builder
     */
    public Builder accessPolicy(AccessPolicy value) {
      accessPolicy = Objects.requireNonNull(value, "accessPolicy must not be null");
      return this;
    }

    /**
     * The metadata server if the caller gives none. ({@code MC_METADATA_SERVER})
     *
     * @param value a connection string, e.g. P2PHANDSHAKE or etcd://host:2379
     * @return this builder
     */
    public Builder metadataServer(String value) {
      return set(Options.METADATA_SERVER, value);
    }

    /**
     * The name of the local segment that the command uses when none is given. ({@code
     * MC_LOCAL_SERVER_NAME})
     *
     * @param value a host, with or without a port
     * @return this builder
     */
    public Builder localServerName(String value) {
      return set(Options.LOCAL_SERVER_NAME, value);
    }

    /**
     * With a metadata server, takes the RPC port from the local server name instead of the range.
     * ({@code MC_LEGACY_RPC_PORT_BINDING})
     *
     * @param value whether
     * @return this builder
     */
    public Builder legacyRpcPortBinding(boolean value) {
      return set(Options.LEGACY_RPC_PORT_BINDING, value);
    }

    /**
     * The RPC port of a server name without a port. ({@code MC_HANDSHAKE_PORT})
     *
     * @param value a whole number, 1 to 65535
     * @return this builder
     */
    public Builder handshakePort(int value) {
      return set(Options.HANDSHAKE_PORT, value);
    }

    /**
     * The address that peers are told with a metadata server. TE_LISTEN_ADDRESS is the one that is
     * bound. ({@code MC_TCP_BIND_ADDRESS})
     *
     * @param value an IP address (IPv6 without brackets) or a host name, without a port
     * @return this builder
     */
    public Builder tcpBindAddress(String value) {
      return set(Options.TCP_BIND_ADDRESS, value);
    }

    /**
     * The first port of the range for the RPC and the TCP data listener. ({@code MC_MIN_RPC_PORT})
     *
     * @param value a whole number, 1024 to 32767 or 61000 to 65535
     * @return this builder
     */
    public Builder minRpcPort(int value) {
      return set(Options.MIN_RPC_PORT, value);
    }

    /**
     * The last port of the range for the RPC and the TCP data listener. ({@code MC_MAX_RPC_PORT})
     *
     * @param value a whole number, 1024 to 32767 or 61000 to 65535
     * @return this builder
     */
    public Builder maxRpcPort(int value) {
      return set(Options.MAX_RPC_PORT, value);
    }

    /**
     * Tries a name's IPv6 addresses first. With a metadata server, advertises the first interface's
     * IPv6 address. ({@code MC_USE_IPV6})
     *
     * @param value whether
     * @return this builder
     */
    public Builder useIpv6(boolean value) {
      return set(Options.USE_IPV6, value);
    }

    /**
     * The backlog of the RPC port; the kernel may cap it (net.core.somaxconn). ({@code
     * MC_HANDSHAKE_LISTEN_BACKLOG})
     *
     * @param value a whole number of connections, 1 to 65535
     * @return this builder
     */
    public Builder handshakeListenBacklog(int value) {
      return set(Options.HANDSHAKE_LISTEN_BACKLOG, value);
    }

    /**
     * How long connecting to a peer may take. ({@code MC_HANDSHAKE_CONNECT_TIMEOUT})
     *
     * @param value a whole number of seconds, 1 to 3599
     * @return this builder
     */
    public Builder handshakeConnectTimeoutSeconds(int value) {
      return set(Options.HANDSHAKE_CONNECT_TIMEOUT, value);
    }

    /**
     * The longest handshake frame that is accepted from a peer. ({@code MC_HANDSHAKE_MAX_LENGTH})
     *
     * @param value a whole number of bytes, 1048576 (1 MiB) to 134217728 (128 MiB)
     * @return this builder
     */
    public Builder handshakeMaxLengthBytes(int value) {
      return set(Options.HANDSHAKE_MAX_LENGTH, value);
    }

    /**
     * Fetches a peer's descriptor on every use. ({@code MC_DISABLE_METACACHE})
     *
     * @param value whether
     * @return this builder
     */
    public Builder disableMetacache(boolean value) {
      return set(Options.DISABLE_METACACHE, value);
    }

    /**
     * How often cached descriptors are fetched again in the background; 0 = never. ({@code
     * MC_TE_METADATA_REFRESH_INTERVAL_SECONDS})
     *
     * @param value a whole number of seconds, 0 to 2147483647
     * @return this builder
     */
    public Builder metadataRefreshIntervalSeconds(int value) {
      return set(Options.METADATA_REFRESH_INTERVAL, value);
    }

    /**
     * How long a transfer may take; 1 ns per byte is added. Less than 5 counts as 5, with a WARN.
     * ({@code MC_TRANSFER_TIMEOUT})
     *
     * @param value a whole number of seconds, 5 to 2147483647; less counts as 5
     * @return this builder
     */
    public Builder transferTimeoutSeconds(int value) {
      return set(Options.TRANSFER_TIMEOUT, value);
    }

    /**
     * A transfer times out after this long without progress; -1 = off. ({@code MC_SLICE_TIMEOUT})
     *
     * @param value a whole number of seconds, 1 to 2147483647, or -1 for off
     * @return this builder
     */
    public Builder sliceTimeoutSeconds(int value) {
      return set(Options.SLICE_TIMEOUT, value);
    }

    /**
     * Uses TCP even if RDMA is available. ({@code MC_FORCE_TCP})
     *
     * @param value whether
     * @return this builder
     */
    public Builder forceTcp(boolean value) {
      return set(Options.FORCE_TCP, value);
    }

    /**
     * A file with a priority matrix, which replaces the discovered one. ({@code
     * MC_CUSTOM_TOPO_JSON})
     *
     * @param value the path of a JSON file
     * @return this builder
     */
    public Builder customTopoJson(String value) {
      return set(Options.CUSTOM_TOPO_JSON, value);
    }

    /**
     * Keeps connections open between transfers if the peer allows it. ({@code
     * MC_TCP_ENABLE_CONNECTION_POOL})
     *
     * @param value whether
     * @return this builder
     */
    public Builder tcpEnableConnectionPool(boolean value) {
      return set(Options.TCP_ENABLE_CONNECTION_POOL, value);
    }

    /**
     * The most connections to one peer, beside one for callers that move small transfers
     * themselves. ({@code MC_TCP_LANES_PER_PEER})
     *
     * @param value a whole number of connections, 1 to 16
     * @return this builder
     */
    public Builder tcpLanesPerPeer(int value) {
      return set(Options.TCP_LANES_PER_PEER, value);
    }

    /**
     * How many requests to a peer may be in flight; further ones wait. ({@code
     * MC_TCP_MAX_QUEUED_TRANSFERS_PER_PEER})
     *
     * @param value a whole number of requests, 1 to 1048576
     * @return this builder
     */
    public Builder tcpMaxQueuedTransfersPerPeer(int value) {
      return set(Options.TCP_MAX_QUEUED_TRANSFERS_PER_PEER, value);
    }

    /**
     * A second limit on requests in flight to a peer; the lower one applies. ({@code
     * MC_TCP_MAX_PENDING_ADMISSIONS_PER_PEER})
     *
     * @param value a whole number of requests, 1 to 1048576
     * @return this builder
     */
    public Builder tcpMaxPendingAdmissionsPerPeer(int value) {
      return set(Options.TCP_MAX_PENDING_ADMISSIONS_PER_PEER, value);
    }

    /**
     * The size of the pieces of {@code TE_STAGING_BYTES}, at least 32 KiB. A connection takes one
     * at a time. They are smaller if there would be fewer than eight for each I/O thread. ({@code
     * MC_TCP_SLICE_SIZE})
     *
     * @param value a whole number of bytes, 4096 (4 KiB) to 16777216 (16 MiB)
     * @return this builder
     */
    public Builder tcpSliceSizeBytes(int value) {
      return set(Options.TCP_SLICE_SIZE, value);
    }

    /**
     * The newest version of the TCP data protocol that is used: 1 forces version 1. ({@code
     * MC_TCP_PROTO})
     *
     * @param value a whole number, 1 to 2
     * @return this builder
     */
    public Builder tcpProtoVersion(int value) {
      return set(Options.TCP_PROTO, value);
    }

    /**
     * How long a data connection with requests in flight may make no progress before it is closed.
     * ({@code MC_TCP_STATUS_TIMEOUT_SEC})
     *
     * @param value a whole number of seconds, 1 to 2147483647
     * @return this builder
     */
    public Builder tcpStatusTimeoutSeconds(int value) {
      return set(Options.TCP_STATUS_TIMEOUT, value);
    }

    /**
     * How many threads move bytes over TCP. ({@code MC_NUM_TCP_IO_THREADS})
     *
     * @param value a whole number of threads, 1 to 64
     * @return this builder
     */
    public Builder tcpIoThreads(int value) {
      return set(Options.TCP_IO_THREADS, value);
    }

    /**
     * The address that the RPC and the TCP data listener bind. ({@code TE_LISTEN_ADDRESS})
     *
     * @param value an IP address (IPv6 without brackets) or a host name, without a port
     * @return this builder
     */
    public Builder listenAddress(String value) {
      return set(Options.LISTEN_ADDRESS, value);
    }

    /**
     * The host that peers are told to connect to, in every mode. ({@code TE_ADVERTISED_HOST})
     *
     * @param value an IP address (IPv6 without brackets) or a host name, without a port
     * @return this builder
     */
    public Builder advertisedHost(String value) {
      return set(Options.ADVERTISED_HOST, value);
    }

    /**
     * The host of the TCP data port that peers are told, for machines with a separate network for
     * data. C++ engines before 2026-09 use the RPC port's host. ({@code TE_ADVERTISED_DATA_HOST})
     *
     * @param value an IP address (IPv6 without brackets) or a host name, without a port
     * @return this builder
     */
    public Builder advertisedDataHost(String value) {
      return set(Options.ADVERTISED_DATA_HOST, value);
    }

    /**
     * The RPC port; 0 = a port of the range. ({@code TE_RPC_PORT})
     *
     * @param value a whole number, 0 to 65535
     * @return this builder
     */
    public Builder rpcPort(int value) {
      return set(Options.RPC_PORT, value);
    }

    /**
     * The TCP data port; 0 = a port of the range. ({@code TE_DATA_PORT})
     *
     * @param value a whole number, 0 to 65535
     * @return this builder
     */
    public Builder dataPort(int value) {
      return set(Options.DATA_PORT, value);
    }

    /**
     * The kernel interface for TCP; auto = epoll if available, else NIO. ({@code TE_TCP_IO})
     *
     * @param value one of auto, epoll, io_uring, nio
     * @return this builder
     */
    public Builder tcpIo(TcpIo value) {
      return set(Options.TCP_IO, value);
    }

    /**
     * From how many bytes on what peers read here over TCP is sent without the kernel copying it; 0
     * = never. Only with io_uring, and not with TLS. Such bytes keep their memory in use until the
     * peer has confirmed them. ({@code TE_TCP_ZERO_COPY_BYTES})
     *
     * @param value a whole number of bytes, 0 to 1073741824 (1 GiB)
     * @return this builder
     */
    public Builder tcpZeroCopyBytes(int value) {
      return set(Options.TCP_ZERO_COPY, value);
    }

    /**
     * How long threads go on looking before they sleep: whoever waits in a call for a transfer of
     * at most 1 MiB, and I/O threads with nothing to do, where that has paid lately and nobody else
     * wants their processor. 0 = not at all; -1 = 200 for who waits, and I/O threads not at all.
     * Over RDMA the least time, for which a device's thread keeps its processor; with 0 and -1 it
     * looks for 20 at most. It saves wake-ups, and uses processors meanwhile. ({@code
     * TE_BUSY_POLL_MICROS})
     *
     * @param value a whole number of microseconds, -1 to 10000
     * @return this builder
     */
    public Builder busyPollMicros(int value) {
      return set(Options.BUSY_POLL, value);
    }

    /**
     * Checksums of all bytes that go to Java peers over TCP; crc32c = where the peer can,
     * require_crc32c = or the transfer fails, and RDMA is not used. ({@code TE_CHECKSUM})
     *
     * @param value one of off, crc32c, require_crc32c
     * @return this builder
     */
    public Builder checksum(ChecksumMode value) {
      return set(Options.CHECKSUM, value);
    }

    /**
     * How much may be in flight on each connection to a peer; half of it for blocks below 16 KiB.
     * Small values keep data in the processors' caches. Larger ones are faster on long links, where
     * bandwidth x round trip is more than all connections have in flight. ({@code
     * TE_TCP_LANE_WINDOW_BYTES})
     *
     * @param value a whole number of bytes, 65536 (64 KiB) to 268435456 (256 MiB)
     * @return this builder
     */
    public Builder tcpLaneWindowBytes(int value) {
      return set(Options.TCP_LANE_WINDOW, value);
    }

    /**
     * The memory that the engine allocates for its callers is huge pages of the usual size, which
     * have to be reserved (vm.nr_hugepages); if too few are, allocating fails. ({@code
     * TE_HUGE_PAGES})
     *
     * @param value whether
     * @return this builder
     */
    public Builder hugePages(boolean value) {
      return set(Options.HUGE_PAGES, value);
    }

    /**
     * Fails where TCP would be used instead of RDMA. ({@code TE_REQUIRE_RDMA})
     *
     * @param value whether
     * @return this builder
     */
    public Builder requireRdma(boolean value) {
      return set(Options.REQUIRE_RDMA, value);
    }

    /**
     * Between Java engines of one user on one machine, copies memory with system calls instead of
     * sending it; auto = where both engines can, required = or the transfer fails. Engines with
     * TLS, tokens, checksums or an access policy use the network. ({@code TE_LOCAL})
     *
     * @param value one of off, auto, required
     * @return this builder
     */
    public Builder local(LocalMode value) {
      return set(Options.LOCAL, value);
    }

    /**
     * An inbound connection is closed after this long without progress inside a body. ({@code
     * TE_INBOUND_STALL_SECONDS})
     *
     * @param value a whole number of seconds, 1 to 2147483647
     * @return this builder
     */
    public Builder inboundStallSeconds(int value) {
      return set(Options.INBOUND_STALL, value);
    }

    /**
     * The most inbound data connections. Beyond it the connection idle for longest is closed for
     * the new one; if none is idle, the new one is refused. ({@code TE_MAX_INBOUND_CONNECTIONS})
     *
     * @param value a whole number of connections, 1 to 1048576
     * @return this builder
     */
    public Builder maxInboundConnections(int value) {
      return set(Options.MAX_INBOUND_CONNECTIONS, value);
    }

    @Override
    <T> Builder set(Option<T> option, T value) {
      Objects.requireNonNull(value, () -> option.environmentName() + " must not be null");
      settings.set(option, value);
      return this;
    }

    /** Takes back the default of the metadata server: the facade's callers must name one. */
    Builder requireMetadataServer() {
      defaultMetadataServer = "";
      return this;
    }

    /**
     * {@return the configuration} Where no metadata server is given it is {@code P2PHANDSHAKE}.
     *
     * @throws io.transferengine.transfer.ConfigurationException for options that contradict one
     *     another
     */
    public EngineConfig build() {
      Settings concluded = settings.build();
      String server = concluded.get(Options.METADATA_SERVER);
      return new EngineConfig(
          new EngineOptions(
              localHostname,
              server.isEmpty() ? defaultMetadataServer : server,
              protocol,
              deviceName,
              concluded,
              Optional.ofNullable(executor),
              Optional.ofNullable(accessPolicy),
              tls()));
    }
  }
}
