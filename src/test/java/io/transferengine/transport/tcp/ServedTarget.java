// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.device.Devices;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.Mapped;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transport.AccessControl;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;

/** A target with one event loop and one registration, for peers that are plain sockets. */
class ServedTarget implements AutoCloseable {
  final EngineMetrics metrics = new EngineMetrics();
  final Mapped memory;
  final IoBackend backend;
  final EventLoops loops;
  final TargetServer server;
  final RegionTable regions = new RegionTable();
  private final List<Socket> peers = new ArrayList<>();

  /**
   * Starts it.
   *
   * @param bytes of memory, filled by {@code seed}
   * @param incarnation who it says that it is
   */
  ServedTarget(TcpIo io, int bytes, long seed, Supplier<String> incarnation) {
    this(io, bytes, seed, incarnation, Options.MAX_INBOUND_CONNECTIONS.defaultValue());
  }

  /**
   * As above.
   *
   * @param connectionsLimit the most connections to it
   */
  ServedTarget(TcpIo io, int bytes, long seed, Supplier<String> incarnation, int connectionsLimit) {
    this(io, bytes, seed, incarnation, connectionsLimit, _ -> PeerTls.off());
  }

  /**
   * As above.
   *
   * @param tls makes its TLS
   */
  ServedTarget(
      TcpIo io,
      int bytes,
      long seed,
      Supplier<String> incarnation,
      int connectionsLimit,
      Function<Audit, PeerTls> tls) {
    this(io, bytes, seed, incarnation, connectionsLimit, tls, 0);
  }

  /**
   * As above.
   *
   * @param zeroCopyBytes from how many on it sends without a copy; 0 for never
   */
  ServedTarget(
      TcpIo io,
      int bytes,
      long seed,
      Supplier<String> incarnation,
      int connectionsLimit,
      Function<Audit, PeerTls> tls,
      int zeroCopyBytes) {
    memory = Mapped.of(bytes).fill(seed);
    backend = IoBackend.of(io);
    loops = new EventLoops(backend, 1, 65_536, 8L * 65_536, metrics);
    var _ = regions.register(memory.address(), bytes, "*");
    Audit audit = new Audit(metrics);
    server =
        new TargetServer(
            loops,
            backend,
            regions,
            metrics,
            new AccessControl(Optional.empty(), audit),
            TcpOptions.of(
                Settings.builder()
                    .set(Options.TCP_IO, io)
                    .set(Options.TCP_ZERO_COPY, zeroCopyBytes)
                    .set(Options.TCP_LANES_PER_PEER, 1)
                    .set(Options.MAX_INBOUND_CONNECTIONS, connectionsLimit)
                    .build()),
            tls.apply(audit),
            incarnation,
            new DeviceStaging(new Devices(), metrics, 8 << 20));
    server.start();
  }

  /** {@return a connection to it, which it closes if nobody else has} */
  final Socket peer() throws IOException {
    Socket peer = new Socket(InetAddress.getLoopbackAddress(), server.port());
    peer.setSoTimeout(20_000);
    peers.add(peer);
    return peer;
  }

  /** {@return a request for bytes from an offset of its memory on} */
  final byte[] header(long size, long offset, int opcode) {
    return RequestBytes.header(size, memory.address() + offset, opcode);
  }

  @Override
  public void close() throws IOException {
    for (Socket peer : peers) {
      peer.close();
    }
    server.close(Duration.ofSeconds(5));
    loops.close(Duration.ofSeconds(5));
    memory.close();
  }
}
