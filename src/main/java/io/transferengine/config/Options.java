// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

import static io.transferengine.config.OptionGroup.ENGINE;
import static io.transferengine.config.OptionGroup.OWN;
import static io.transferengine.config.OptionGroup.TCP;

import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.TcpIo;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Every option that has an effect, one constant each; those of RDMA are in {@link RdmaOptions},
 * those of metadata services in {@link MetadataOptions}, those of TLS in {@link TlsOptions}, the
 * limits on inbound work in {@link LimitOptions}. {@code docs/CONFIGURATION.md} is rendered from
 * these files.
 */
public final class Options {
  private static final int KIB = 1 << 10;
  private static final int MIB = 1 << 20;
  private static final long GIB = 1L << 30;

  private static final int MAX_PORT = HostPort.PORT_MAX;

  /**
   * Any int of seconds, since its nanoseconds (2.1e18) still fit a long: deadlines cannot overflow.
   */
  private static final int MAX_SECONDS = Integer.MAX_VALUE;

  /** Far above any useful depth; a typing error must not ask for gigabytes of queue. */
  private static final int MAX_QUEUE_DEPTH = 1 << 20;

  /** More than any process's file descriptors by default (Linux: fs.nr_open is 1,048,576). */
  private static final int MAX_CONNECTIONS = 1 << 20;

  /** The user address space of x86-64 and aarch64 with 4-level page tables. */
  private static final long MAX_MEMORY = 1L << 47;

  /** The smallest class of the managed memory's allocator. */
  private static final long MIN_MEMORY = 8 * KIB;

  private static final List<Option<?>> LISTED = new ArrayList<>();

  // ---- Engine ----

  /** Where segments are registered, when the caller gives no metadata server. */
  public static final Option<String> METADATA_SERVER =
      list(
          new Option<>(
                  ENGINE,
                  "MC_METADATA_SERVER",
                  "metadataServer",
                  Form.text("a connection string, e.g. P2PHANDSHAKE or etcd://host:2379"),
                  "")
              .means("The metadata server if the caller gives none.")
              .mooncake("Read by its tests and examples only."));

  /** The name of this process's segment, for the command. */
  public static final Option<String> LOCAL_SERVER_NAME =
      list(
          new Option<>(
                  ENGINE,
                  "MC_LOCAL_SERVER_NAME",
                  "localServerName",
                  Form.text("a host, with or without a port"),
                  "")
              .means("The name of the local segment that the command uses when none is given.")
              .mooncake("Read by its tests and examples only."));

  /** Whether the RPC port is taken from the local server's name. */
  public static final Option<Boolean> LEGACY_RPC_PORT_BINDING =
      list(
          new Option<>(
                  ENGINE,
                  "MC_LEGACY_RPC_PORT_BINDING",
                  "legacyRpcPortBinding",
                  Form.presenceOnly(),
                  false)
              .means(
                  "With a metadata server, takes the RPC port from the local server name instead of"
                      + " the range."));

  /** The port of a name that has none. */
  public static final Option<Integer> HANDSHAKE_PORT =
      list(
          new Option<>(
                  ENGINE, "MC_HANDSHAKE_PORT", "handshakePort", Form.integer(1, MAX_PORT), 12_001)
              .means("The RPC port of a server name without a port."));

  /** The address that is advertised in modes with a metadata server. */
  public static final Option<String> TCP_BIND_ADDRESS =
      list(
          new Option<>(ENGINE, "MC_TCP_BIND_ADDRESS", "tcpBindAddress", Form.host(), "")
              .defaultText("address of the first interface")
              .means(
                  "The address that peers are told with a metadata server. TE_LISTEN_ADDRESS is the"
                      + " one that is bound."));

  /** The first port that may be taken. */
  public static final Option<Integer> MIN_RPC_PORT =
      list(
          portOfRange("MC_MIN_RPC_PORT", "minRpcPort", 15_000)
              .aliases("MC_MIN_PRC_PORT")
              .means("The first port of the range for the RPC and the TCP data listener."));

  /** The last port that may be taken. */
  public static final Option<Integer> MAX_RPC_PORT =
      list(
          portOfRange("MC_MAX_RPC_PORT", "maxRpcPort", 17_000)
              .aliases("MC_MAX_PRC_PORT")
              .means("The last port of the range for the RPC and the TCP data listener."));

  /** Whether sockets are IPv6. */
  public static final Option<Boolean> USE_IPV6 =
      list(
          new Option<>(ENGINE, "MC_USE_IPV6", "useIpv6", Form.presenceOnly(), false)
              .means(
                  "Tries a name's IPv6 addresses first. With a metadata server, advertises the"
                      + " first interface's IPv6 address."));

  /** How many unaccepted connections the RPC port holds. */
  public static final Option<Integer> HANDSHAKE_LISTEN_BACKLOG =
      list(
          new Option<>(
                  ENGINE,
                  "MC_HANDSHAKE_LISTEN_BACKLOG",
                  "handshakeListenBacklog",
                  Form.integer(1, MAX_PORT),
                  128)
              .unit("connections")
              .means("The backlog of the RPC port; the kernel may cap it (net.core.somaxconn)."));

  /** How long connecting may take. */
  public static final Option<Integer> HANDSHAKE_CONNECT_TIMEOUT =
      list(
          new Option<>(
                  ENGINE,
                  "MC_HANDSHAKE_CONNECT_TIMEOUT",
                  "handshakeConnectTimeoutSeconds",
                  Form.integer(1, 3599),
                  5)
              .unit("seconds")
              .means("How long connecting to a peer may take."));

  /** The longest frame that the handshake reader accepts. */
  public static final Option<Integer> HANDSHAKE_MAX_LENGTH =
      list(
          new Option<>(
                  ENGINE,
                  "MC_HANDSHAKE_MAX_LENGTH",
                  "handshakeMaxLengthBytes",
                  Form.size(MIB, 128 * MIB),
                  16 * MIB)
              .unit("bytes")
              .means("The longest handshake frame that is accepted from a peer.")
              .mooncake("Its default is 1 MiB."));

  /** Whether descriptors are fetched on every use. */
  public static final Option<Boolean> DISABLE_METACACHE =
      list(
          new Option<>(
                  ENGINE, "MC_DISABLE_METACACHE", "disableMetacache", Form.presenceOnly(), false)
              .means("Fetches a peer's descriptor on every use."));

  /** How often cached descriptors are refreshed. */
  public static final Option<Integer> METADATA_REFRESH_INTERVAL =
      list(
          new Option<>(
                  ENGINE,
                  "MC_TE_METADATA_REFRESH_INTERVAL_SECONDS",
                  "metadataRefreshIntervalSeconds",
                  Form.integer(0, MAX_SECONDS),
                  0)
              .unit("seconds")
              .means(
                  "How often cached descriptors are fetched again in the background; 0 = never."));

  /** How long a transfer may take, not counting the 1 ns per byte that it gets on top. */
  public static final Option<Integer> TRANSFER_TIMEOUT =
      list(
          new Option<>(
                  ENGINE,
                  "MC_TRANSFER_TIMEOUT",
                  "transferTimeoutSeconds",
                  Form.integer(
                      value -> true, "a whole number, 5 to " + MAX_SECONDS + "; less counts as 5"),
                  30)
              .unit("seconds")
              .means(
                  "How long a transfer may take; 1 ns per byte is added. Less than 5 counts as 5,"
                      + " with a WARN."));

  /** How long a transfer may stand still. */
  public static final Option<Integer> SLICE_TIMEOUT =
      list(
          new Option<>(
                  ENGINE,
                  "MC_SLICE_TIMEOUT",
                  "sliceTimeoutSeconds",
                  Form.integer(
                      value -> value == -1 || value >= 1,
                      "a whole number, 1 to " + MAX_SECONDS + ", or -1 for off"),
                  -1)
              .unit("seconds")
              .means("A transfer times out after this long without progress; -1 = off.")
              .mooncake("Reports slices that take longer, one by one."));

  /** Whether TCP is used even if RDMA is available. */
  public static final Option<Boolean> FORCE_TCP =
      list(
          new Option<>(ENGINE, "MC_FORCE_TCP", "forceTcp", Form.presenceOnly(), false)
              .means("Uses TCP even if RDMA is available."));

  /** The file with the priority matrix. */
  public static final Option<String> CUSTOM_TOPO_JSON =
      list(
          new Option<>(
                  ENGINE,
                  "MC_CUSTOM_TOPO_JSON",
                  "customTopoJson",
                  Form.text("the path of a JSON file"),
                  "")
              .means("A file with a priority matrix, which replaces the discovered one."));

  /** Whether the line of metrics is logged. */
  public static final Option<Boolean> METRIC =
      list(
          new Option<>(ENGINE, "MC_TE_METRIC", "metrics", Form.flag(), false)
              .means("Logs a line of throughput and latency for every interval with traffic."));

  /** How often the line of metrics is logged. */
  public static final Option<Integer> METRIC_INTERVAL =
      list(
          new Option<>(
                  ENGINE,
                  "MC_TE_METRIC_INTERVAL_SECONDS",
                  "metricsIntervalSeconds",
                  Form.integer(1, MAX_SECONDS),
                  5)
              .unit("seconds")
              .means("The interval of MC_TE_METRIC's line."));

  /** How long a transfer may take before it is logged. */
  public static final Option<Integer> SLOW_TRANSFER =
      list(
          new Option<>(
                  OWN,
                  "TE_SLOW_TRANSFER_MILLIS",
                  "slowTransferMillis",
                  Form.integer(0, Integer.MAX_VALUE),
                  0)
              .unit("milliseconds")
              .means(
                  "Logs what has happened to each transfer that takes this long, and where its time"
                      + " went; at most one a second; 0 = off."));

  // ---- TCP ----

  /** Whether connections stay open between transfers. */
  public static final Option<Boolean> TCP_ENABLE_CONNECTION_POOL =
      list(
          new Option<>(
                  TCP,
                  "MC_TCP_ENABLE_CONNECTION_POOL",
                  "tcpEnableConnectionPool",
                  Form.flag(),
                  true)
              .means("Keeps connections open between transfers if the peer allows it.")
              .mooncake("Off by default; any text but 0, false or no is on."));

  /** How many connections go to one peer. */
  public static final Option<Integer> TCP_LANES_PER_PEER =
      list(
          new Option<>(TCP, "MC_TCP_LANES_PER_PEER", "tcpLanesPerPeer", Form.integer(1, 16), 4)
              .aliases("MC_TCP_MAX_CONNECTIONS_PER_PEER")
              .unit("connections")
              .means(
                  "The most connections to one peer, beside one for callers that move small"
                      + " transfers themselves."));

  /** How many requests may be on the wire to one peer. */
  public static final Option<Integer> TCP_MAX_QUEUED_TRANSFERS_PER_PEER =
      list(
          new Option<>(
                  TCP,
                  "MC_TCP_MAX_QUEUED_TRANSFERS_PER_PEER",
                  "tcpMaxQueuedTransfersPerPeer",
                  Form.integer(1, MAX_QUEUE_DEPTH),
                  1024)
              .unit("requests")
              .means("How many requests to a peer may be in flight; further ones wait."));

  /** How many requests may be on the wire to one peer, as well. */
  public static final Option<Integer> TCP_MAX_PENDING_ADMISSIONS_PER_PEER =
      list(
          new Option<>(
                  TCP,
                  "MC_TCP_MAX_PENDING_ADMISSIONS_PER_PEER",
                  "tcpMaxPendingAdmissionsPerPeer",
                  Form.integer(1, MAX_QUEUE_DEPTH),
                  1024)
              .unit("requests")
              .means("A second limit on requests in flight to a peer; the lower one applies.")
              .mooncake("How many requests may wait for a lane before further ones are refused."));

  /** The staging buffer of one connection. */
  public static final Option<Integer> TCP_SLICE_SIZE =
      list(
          new Option<>(
                  TCP,
                  "MC_TCP_SLICE_SIZE",
                  "tcpSliceSizeBytes",
                  Form.size(4 * KIB, 16 * MIB),
                  64 * KIB)
              .unit("bytes")
              .means(
                  "The size of the pieces of TE_STAGING_BYTES, at least 32 KiB. A connection takes"
                      + " one at a time. They are smaller if there would be fewer than eight for"
                      + " each I/O thread.")
              .mooncake("The chunk of every local read and write."));

  /** The newest version of the TCP data protocol that is spoken. */
  public static final Option<Integer> TCP_PROTO =
      list(
          new Option<>(TCP, "MC_TCP_PROTO", "tcpProtoVersion", Form.integer(1, 2), 2)
              .means(
                  "The newest version of the TCP data protocol that is used: 1 forces version 1.")
              .mooncake("Anything but 1 is the newest."));

  /** How long the peer's status may take. */
  public static final Option<Integer> TCP_STATUS_TIMEOUT =
      list(
          new Option<>(
                  TCP,
                  "MC_TCP_STATUS_TIMEOUT_SEC",
                  "tcpStatusTimeoutSeconds",
                  Form.integer(1, MAX_SECONDS),
                  30)
              .unit("seconds")
              .means(
                  "How long a data connection with requests in flight may make no progress before"
                      + " it is closed."));

  /** How many threads move bytes. */
  public static final Option<Integer> TCP_IO_THREADS =
      list(
          new Option<>(
                  TCP,
                  "MC_NUM_TCP_IO_THREADS",
                  "tcpIoThreads",
                  Form.integer(1, 64),
                  Math.clamp(Runtime.getRuntime().availableProcessors(), 2, 8))
              .unit("threads")
              .defaultText("available processors, at least 2, at most 8")
              .means("How many threads move bytes over TCP.")
              .mooncake("Its default is 1."));

  // ---- Our own ----

  /** The address that listeners bind. */
  public static final Option<String> LISTEN_ADDRESS =
      list(
          new Option<>(OWN, "TE_LISTEN_ADDRESS", "listenAddress", Form.host(), "")
              .defaultText("all interfaces")
              .means("The address that the RPC and the TCP data listener bind.")
              .mooncake("Always binds all interfaces."));

  /** The host that peers are told to connect to. */
  public static final Option<String> ADVERTISED_HOST =
      list(
          new Option<>(OWN, "TE_ADVERTISED_HOST", "advertisedHost", Form.host(), "")
              .defaultText("as the mode says")
              .means("The host that peers are told to connect to, in every mode."));

  /** The host of the data port that peers are told, where it is another one. */
  public static final Option<String> ADVERTISED_DATA_HOST =
      list(
          new Option<>(OWN, "TE_ADVERTISED_DATA_HOST", "advertisedDataHost", Form.host(), "")
              .defaultText("the host of the RPC port")
              .means(
                  "The host of the TCP data port that peers are told, for machines with a separate"
                      + " network for data. C++ engines before 2026-09 use the RPC port's host."));

  /** The RPC port. */
  public static final Option<Integer> RPC_PORT =
      list(
          new Option<>(OWN, "TE_RPC_PORT", "rpcPort", Form.integer(0, MAX_PORT), 0)
              .means("The RPC port; 0 = a port of the range."));

  /** The TCP data port. */
  public static final Option<Integer> DATA_PORT =
      list(
          new Option<>(OWN, "TE_DATA_PORT", "dataPort", Form.integer(0, MAX_PORT), 0)
              .means("The TCP data port; 0 = a port of the range."));

  /** The kernel interface under TCP. */
  public static final Option<TcpIo> TCP_IO =
      list(
          new Option<>(OWN, "TE_TCP_IO", "tcpIo", Form.choice(TcpIo.class), TcpIo.AUTO)
              .means("The kernel interface for TCP; auto = epoll if available, else NIO."));

  /** Which answers are sent without a copy of the kernel's. */
  public static final Option<Integer> TCP_ZERO_COPY =
      list(
          new Option<>(
                  OWN, "TE_TCP_ZERO_COPY_BYTES", "tcpZeroCopyBytes", Form.size(0, 1024 * MIB), 0)
              .unit("bytes")
              .means(
                  "From how many bytes on what peers read here over TCP is sent without the kernel"
                      + " copying it; 0 = never. Only with io_uring, and not with TLS. Such bytes"
                      + " keep their memory in use until the peer has confirmed them."));

  /** How long threads that wait look before they sleep. */
  public static final Option<Integer> BUSY_POLL =
      list(
          new Option<>(OWN, "TE_BUSY_POLL_MICROS", "busyPollMicros", Form.integer(-1, 10_000), -1)
              .defaultText("-1 (200 for who waits for a transfer of at most 1 MiB)")
              .unit("microseconds")
              .means(
                  "How long threads go on looking before they sleep: whoever waits in a call for a"
                      + " transfer of at most 1 MiB, and I/O threads with nothing to do, where that"
                      + " has paid lately and nobody else wants their processor. 0 = not at all;"
                      + " -1 = 200 for who waits, and I/O threads not at all. Over RDMA the least"
                      + " time, for which a device's thread keeps its processor; with 0 and -1 it"
                      + " looks for 20 at most. It saves wake-ups, and uses processors meanwhile."));

  /** Whether what is sent over TCP has checksums. */
  public static final Option<ChecksumMode> CHECKSUM =
      list(
          new Option<>(
                  OWN, "TE_CHECKSUM", "checksum", Form.choice(ChecksumMode.class), ChecksumMode.OFF)
              .means(
                  "Checksums of all bytes that go to Java peers over TCP; crc32c = where the peer"
                      + " can, require_crc32c = or the transfer fails, and RDMA is not used."));

  /** How much of a transfer is under way on a connection. */
  public static final Option<Integer> TCP_LANE_WINDOW =
      list(
          new Option<>(
                  OWN,
                  "TE_TCP_LANE_WINDOW_BYTES",
                  "tcpLaneWindowBytes",
                  Form.size(64 * KIB, 256 * MIB),
                  MIB)
              .unit("bytes")
              .means(
                  "How much may be in flight on each connection to a peer; half of it for blocks"
                      + " below 16 KiB. Small values keep data in the processors' caches. Larger"
                      + " ones are faster on long links, where bandwidth x round trip is more than"
                      + " all connections have in flight."));

  /** How much managed memory there may be. */
  public static final Option<Long> MANAGED_MEMORY_LIMIT =
      list(
          new Option<>(
                  OWN,
                  "TE_MANAGED_MEMORY_LIMIT_BYTES",
                  "managedMemoryLimitBytes",
                  Form.longSize(MIN_MEMORY, MAX_MEMORY),
                  16 * GIB)
              .unit("bytes")
              .means("The most memory that the engine allocates for its callers."));

  /** Whether the memory that the engine allocates for its callers is huge pages. */
  public static final Option<Boolean> HUGE_PAGES =
      list(
          new Option<>(OWN, "TE_HUGE_PAGES", "hugePages", Form.flag(), false)
              .means(
                  "The memory that the engine allocates for its callers is huge pages of the usual"
                      + " size, which have to be reserved (vm.nr_hugepages); if too few"
                      + " are, allocating fails."));

  /** Whether TCP in place of RDMA is an error. */
  public static final Option<Boolean> REQUIRE_RDMA =
      list(
          new Option<>(OWN, "TE_REQUIRE_RDMA", "requireRdma", Form.flag(), false)
              .means("Fails where TCP would be used instead of RDMA."));

  /** Whether engines on one machine need no network. */
  public static final Option<LocalMode> LOCAL =
      list(
          new Option<>(OWN, "TE_LOCAL", "local", Form.choice(LocalMode.class), LocalMode.AUTO)
              .means(
                  "Between Java engines of one user on one machine, copies memory with system"
                      + " calls instead of sending it; auto = where both engines can, required = or"
                      + " the transfer fails. Engines with TLS, tokens, checksums or an access"
                      + " policy use the network."));

  /** How long an inbound body may stand still. */
  public static final Option<Integer> INBOUND_STALL =
      list(
          new Option<>(
                  OWN,
                  "TE_INBOUND_STALL_SECONDS",
                  "inboundStallSeconds",
                  Form.integer(1, MAX_SECONDS),
                  30)
              .unit("seconds")
              .means(
                  "An inbound connection is closed after this long without progress inside a body.")
              .mooncake("Waits for ever."));

  /** How many inbound connections there may be. */
  public static final Option<Integer> MAX_INBOUND_CONNECTIONS =
      list(
          new Option<>(
                  OWN,
                  "TE_MAX_INBOUND_CONNECTIONS",
                  "maxInboundConnections",
                  Form.integer(1, MAX_CONNECTIONS),
                  4096)
              .unit("connections")
              .means(
                  "The most inbound data connections. Beyond it the connection idle for longest is"
                      + " closed for the new one; if none is idle, the new one is refused."));

  /** Sorting keeps the order within a group. */
  private static final List<Option<?>> ALL =
      Stream.of(
              LISTED,
              LimitOptions.ALL,
              RdmaOptions.ALL,
              MetadataOptions.ALL,
              TlsOptions.ALL,
              ExpositionOptions.ALL)
          .flatMap(List::stream)
          .sorted(Comparator.comparing(Option::group))
          .toList();

  private Options() {}

  /** {@return every option, in the order of the configuration page} */
  public static List<Option<?>> all() {
    return ALL;
  }

  /** {@return the C++ engine's variables that are known and have no effect here} */
  public static List<InertVariable> withoutEffect() {
    return InertVariables.ALL;
  }

  private static <T> Option<T> list(Option<T> option) {
    LISTED.add(option);
    return option;
  }

  /** Linux gives 32768 to 60999 to outgoing connections: a listener there collides now and then. */
  private static Option<Integer> portOfRange(String name, String builderName, int defaultPort) {
    return new Option<>(
            ENGINE,
            name,
            builderName,
            Form.integer(
                value ->
                    value >= 1024 && value <= MAX_PORT && !(value >= 32_768 && value <= 60_999),
                "a whole number, 1024 to 32767 or 61000 to 65535"),
            defaultPort)
        .mooncake("Silently uses the default for a port that it does not accept.");
  }
}
