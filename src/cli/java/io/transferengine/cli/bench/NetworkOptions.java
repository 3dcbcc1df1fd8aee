// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.EngineConfig;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Ranges;
import io.transferengine.cli.target.Configs;
import io.transferengine.cli.target.EngineSetup;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The transport of a measurement, and its addresses and devices. */
final class NetworkOptions {
  private static final int LANES_LIMIT = 16;
  private static final int PORT_LIMIT = 65_535;

  @Option(
      names = "--protocol",
      paramLabel = "P",
      defaultValue = EngineSetup.TCP,
      description =
          "tcp; rdma, which never falls back to tcp here; or local, copies on one machine (with"
              + " --loopback). Default: ${DEFAULT-VALUE}.")
  private String protocol = EngineSetup.TCP;

  @Option(
      names = "--device",
      paramLabel = "NAMES",
      defaultValue = "",
      description = "RDMA devices of this side, separated by commas. Default: all.")
  private String device = "";

  @Option(
      names = "--target-device",
      paramLabel = "NAMES",
      description = "With --loopback, RDMA devices of the target. Default: as --device.")
  private @Nullable String targetDevice;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description =
          "This side's name or address. Default: with --loopback 127.0.0.1, else"
              + " MC_LOCAL_SERVER_NAME or this machine's address.")
  private @Nullable String host;

  @Option(
      names = "--target-host",
      paramLabel = "HOST",
      description = "With --loopback, the target's address. Default: as --host.")
  private @Nullable String targetHost;

  @Option(
      names = "--lanes",
      paramLabel = "N",
      description = "The most TCP connections to the target. Default: MC_TCP_LANES_PER_PEER, or 4.")
  private @Nullable Integer lanes;

  @Option(
      names = "--control-port",
      paramLabel = "PORT",
      defaultValue = "0",
      description =
          "With --target, the port for requests of initiators; 0 takes a free one. It trusts all"
              + " that connect.")
  private int controlPort;

  @Option(
      names = "--metrics-port",
      paramLabel = "PORT",
      description =
          "Serves the figures of the engine that measures at http://127.0.0.1:PORT/metrics, for"
              + " Prometheus, while it runs.")
  private @Nullable Integer metricsPort;

  void requireValid(boolean loopback, boolean target) {
    if (metricsPort != null) {
      Ranges.require("--metrics-port", metricsPort, PORT_LIMIT);
      if (target) {
        throw CommandException.usage(
            "--metrics-port: a --target makes an engine for each initiator; use it where the"
                + " measurement runs");
      }
    }
    if (!List.of(EngineSetup.TCP, EngineSetup.RDMA, EngineSetup.LOCAL).contains(protocol)) {
      throw CommandException.usage("--protocol " + protocol + ": it must be tcp, rdma or local");
    }
    if (protocol.equals(EngineSetup.LOCAL) && !loopback) {
      throw CommandException.usage("--protocol local copies on one machine: it needs --loopback");
    }
    boolean named = targetDevice != null || !device.isEmpty();
    if (named && !protocol.equals(EngineSetup.RDMA)) {
      throw CommandException.usage(
          "--device and --target-device name RDMA devices: they need --protocol rdma");
    }
    if (!loopback && (targetDevice != null || targetHost != null)) {
      throw CommandException.usage(
          "--target-device and --target-host need --loopback: a --target has its own --device and"
              + " --host");
    }
    if (lanes != null) {
      Ranges.require("--lanes", lanes, LANES_LIMIT);
    }
    if (controlPort < 0 || controlPort > PORT_LIMIT) {
      throw CommandException.usage(
          "--control-port %d: it must be 0 to %d".formatted(controlPort, PORT_LIMIT));
    }
  }

  String protocol() {
    return protocol;
  }

  int controlPort() {
    return controlPort;
  }

  /** {@return the initiator of {@code --loopback}} */
  EngineSetup initiator() {
    return new EngineSetup(protocol, host != null ? host : Configs.LOOPBACK, device);
  }

  /** {@return the target of {@code --loopback}} */
  EngineSetup target() {
    EngineSetup ours = initiator();
    return new EngineSetup(
        protocol,
        targetHost != null ? targetHost : ours.host(),
        targetDevice != null ? targetDevice : ours.device());
  }

  /** {@return this machine's side, if the other is on another machine} */
  EngineSetup onNetwork(CommandEnvironment environment) {
    return new EngineSetup(protocol, ourHost(environment), device);
  }

  /** {@return the configuration of the engine that measures} */
  EngineConfig measuring(EngineConfig.Builder builder) {
    return build(metricsPort == null ? builder : builder.metricsPort(metricsPort));
  }

  EngineConfig build(EngineConfig.Builder builder) {
    return (lanes == null ? builder : builder.tcpLanesPerPeer(lanes)).build();
  }

  private String ourHost(CommandEnvironment environment) {
    if (host != null || environment.localServerName().isPresent()) {
      return host != null ? host : environment.localServerName().get();
    }
    try {
      InetAddress address = InetAddress.getLocalHost();
      if (!address.isLoopbackAddress()) {
        return address.getHostAddress();
      }
    } catch (UnknownHostException e) {
      // As useless as a loopback address.
    }
    throw CommandException.lacks(
        "This machine's name does not lead to an address for others: use --host");
  }
}
