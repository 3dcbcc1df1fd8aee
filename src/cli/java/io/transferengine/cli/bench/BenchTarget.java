// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.EngineConfig;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.target.TargetAgent;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Optional;

/** The target on another machine: the requests of a {@link TargetAgent} over a socket. */
final class BenchTarget {
  /** Connections that wait while one is served. */
  private static final int BACKLOG = 4;

  /** More than the longest row. A connection that is silent for longer is closed. */
  private static final Duration SILENCE_LIMIT = Duration.ofMinutes(15);

  private BenchTarget() {}

  /** Serves one initiator after another, each with its own engine; does not return. */
  static int serve(
      Terminal terminal, EngineConfig config, String host, int port, long memoryBytes) {
    try (ServerSocket listener = new ServerSocket()) {
      listener.setReuseAddress(true);
      Optional<InetAddress> here = ofThisMachine(host);
      listener.bind(new InetSocketAddress(here.orElse(null), port), BACKLOG);
      terminal.line(
          here.isPresent()
              ? "listening on " + host + ":" + listener.getLocalPort()
              : "listening on all addresses of this machine, port " + listener.getLocalPort());
      terminal.line(
          "On the other machine: "
              + CommandEnvironment.current()
                  .toType("bench --initiator %s:%d".formatted(host, listener.getLocalPort())));
      System.out.flush();
      while (true) {
        serve(listener.accept(), config, memoryBytes);
      }
    } catch (IOException e) {
      throw CommandException.failed("--control-port " + port + ": " + e.getMessage());
    }
  }

  /**
   * {@return the address, if this machine has it; then the target listens only there} A name that
   * leads elsewhere may be that of a gateway in front of this machine.
   */
  static Optional<InetAddress> ofThisMachine(String host) {
    try {
      InetAddress address = InetAddress.getByName(host);
      return NetworkInterface.getByInetAddress(address) == null
          ? Optional.empty()
          : Optional.of(address);
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private static void serve(Socket socket, EngineConfig config, long memoryBytes) {
    try (socket;
        TargetAgent agent = new TargetAgent(config, memoryBytes)) {
      socket.setTcpNoDelay(true);
      socket.setSoTimeout(Math.toIntExact(SILENCE_LIMIT.toMillis()));
      agent.serve(socket.getInputStream(), socket.getOutputStream());
    } catch (IOException | UncheckedIOException | CommandException | TransferException e) {
      // The next one may succeed.
      System.err.println("te: serving an initiator failed: " + e.getMessage());
    }
  }

  /** {@return a link to a target on another machine} */
  static TargetLink connect(String host, int port, Duration limit) {
    Socket socket = new Socket();
    try {
      socket.connect(new InetSocketAddress(host, port), Math.toIntExact(limit.toMillis()));
      socket.setTcpNoDelay(true);
      return TargetLink.remote(
          socket.getInputStream(), socket.getOutputStream(), socket, host + ":" + port);
    } catch (IOException e) {
      CommandException failure =
          CommandException.failed(
              "--initiator %s:%d: %s; is bench --target running there?"
                  .formatted(host, port, e.getMessage()));
      try {
        socket.close();
      } catch (IOException suppressed) {
        failure.addSuppressed(suppressed);
      }
      throw failure;
    }
  }
}
