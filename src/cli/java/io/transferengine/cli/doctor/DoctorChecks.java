// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.Engine;
import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.MachineMemory;
import io.transferengine.cli.console.Units;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.LocalDevices;
import io.transferengine.diagnostics.RdmaLibrary;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** The doctor's checks. Each gives a line or two, and none throws. */
final class DoctorChecks {
  private static final int REQUIRED_JAVA = 25;

  /** An engine takes two ports; with fewer free ones, one engine may not open. */
  private static final int PORTS_NEEDED = 4;

  private DoctorChecks() {}

  static List<CheckResult> all(CommandEnvironment environment) {
    List<CheckResult> findings = new ArrayList<>();
    findings.add(java(environment));
    findings.add(
        CheckResult.ok("system", environment.system() + ", " + environment.architecture()));
    findings.add(memory());
    CheckResult variables = variables();
    findings.add(variables);
    if (variables.verdict() == CheckResult.Verdict.MISSING) {
      findings.add(
          CheckResult.no(
              "engines, ports, RDMA", "not checked: no engine opens with these variables"));
      return findings;
    }
    EngineEnvironment engine = EngineEnvironment.current();
    findings.add(io("TCP over epoll", TcpIo.EPOLL));
    findings.add(io("TCP over io_uring", TcpIo.IO_URING));
    findings.add(io("TCP over NIO", TcpIo.NIO));
    findings.add(ports(engine));
    findings.addAll(RdmaChecks.all(engine));
    findings.add(rdma(engine));
    findings.addAll(
        GpuChecks.all(LocalDevices.find(RdmaChecks.SYS, RdmaChecks.DEV, "", engine).devices()));
    findings.add(LocalCheck.run());
    findings.addAll(TlsChecks.all(environment, engine));
    findings.add(MetadataCheck.run(engine));
    findings.add(SelfTest.run());
    return findings;
  }

  private static CheckResult java(CommandEnvironment environment) {
    String text = environment.javaVersion() + " in " + environment.javaHome();
    return Runtime.version().feature() >= REQUIRED_JAVA
        ? CheckResult.ok("JDK", text)
        : CheckResult.missing("JDK", text + "; 25 or newer is needed");
  }

  private static CheckResult memory() {
    OptionalLong available = MachineMemory.availableBytes();
    return available.isPresent()
        ? CheckResult.ok("memory", Units.size(available.getAsLong()) + " available")
        : CheckResult.no("memory", "/proc/meminfo cannot be read");
  }

  private static CheckResult variables() {
    try {
      List<String> warnings = EngineEnvironment.current().warnings();
      return warnings.isEmpty()
          ? CheckResult.ok("environment variables", "well-formed")
          : CheckResult.no("environment variables", String.join("; ", warnings));
    } catch (ConfigurationException e) {
      return CheckResult.missing("environment variables", e);
    }
  }

  private static CheckResult io(String what, TcpIo io) {
    try (Engine engine = Engine.open(TlsChecks.withoutTls().tcpIo(io).build())) {
      return CheckResult.ok(what, "opened as " + engine.segmentName());
    } catch (TransferException e) {
      return io == TcpIo.NIO ? CheckResult.missing(what, e) : CheckResult.no(what, e);
    }
  }

  /**
   * Opens an engine only if that can succeed: its error says why it failed, not what to do first.
   */
  private static CheckResult rdma(EngineEnvironment environment) {
    String what = "RDMA";
    try {
      Optional<String> cause = RdmaLibrary.unavailabilityCause().or(() -> noDevice(environment));
      if (cause.isPresent()) {
        return CheckResult.no(what, "TCP is used instead: " + cause.get());
      }
      try (Engine engine =
          Engine.open(TlsChecks.withoutTls().protocol("rdma").requireRdma(true).build())) {
        return CheckResult.ok(what, "opened as " + engine.segmentName());
      }
    } catch (TransferException e) {
      return CheckResult.no(what, e);
    }
  }

  /** Unusable devices have their own lines. */
  private static Optional<String> noDevice(EngineEnvironment environment) {
    LocalDevices local = LocalDevices.find(RdmaChecks.SYS, RdmaChecks.DEV, "", environment);
    return local.devices().isEmpty()
        ? local.problem()
        : local.problem().map(_ -> "no device can be used, for the reasons above");
  }

  private static CheckResult ports(EngineEnvironment environment) {
    int first = environment.firstRpcPort();
    int last = environment.lastRpcPort();
    int free = 0;
    for (int port = first; port <= last; port++) {
      free += isFree(port) ? 1 : 0;
    }
    String text = "%d of %d free in %d-%d".formatted(free, last - first + 1, first, last);
    return free >= PORTS_NEEDED
        ? CheckResult.ok("ports", text)
        : CheckResult.missing("ports", text + ": set MC_MIN_RPC_PORT and MC_MAX_RPC_PORT");
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      // An ended connection does not block a listener; see ip(7), SO_REUSEADDR.
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(port), 1);
      return true;
    } catch (IOException e) {
      return false;
    }
  }
}
