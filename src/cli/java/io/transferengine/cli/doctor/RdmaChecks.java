// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.cli.console.Units;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.diagnostics.RdmaLibrary;
import io.transferengine.topology.GidEntry;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.topology.RdmaDevices;
import io.transferengine.topology.RdmaPort;
import io.transferengine.topology.RoceMtu;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The doctor's checks for RDMA: the library, the devices, their ports, the limits. Each problem
 * comes with its remedy; none of the checks throws.
 */
final class RdmaChecks {
  static final Path SYS = Path.of("/sys");
  static final Path DEV = Path.of("/dev");
  static final Path PROC = Path.of("/proc/self");

  /** How many other GIDs are shown; a table may have hundreds of rows. */
  private static final int GIDS_SHOWN = 3;

  /** May lock any amount of memory, whatever the limit (capabilities(7)). */
  private static final int CAP_IPC_LOCK = 14;

  private static final Pattern LIMIT = Pattern.compile("Max locked memory +([^ ]+) .*");
  private static final Pattern EFFECTIVE = Pattern.compile("CapEff:\\s*([0-9a-f]{1,16})");

  private final Path sysRoot;
  private final Path devRoot;
  private final Path procRoot;
  private final Library library;
  private final EngineEnvironment environment;

  /** libibverbs, as far as the doctor needs it; tests have their own. */
  interface Library {
    /** {@return why it cannot be used, with the remedy; empty if it can} */
    Optional<String> unavailabilityCause();

    /** {@return its file, if the system says} */
    Optional<Path> file();

    /**
     * {@return the packet size of the port}
     *
     * @throws TransferException if its device cannot be opened or queried
     */
    int activeMtuBytes(String device, int port);
  }

  private static final Library LIBIBVERBS =
      new Library() {
        @Override
        public Optional<String> unavailabilityCause() {
          return RdmaLibrary.unavailabilityCause();
        }

        @Override
        public Optional<Path> file() {
          return RdmaLibrary.file();
        }

        @Override
        public int activeMtuBytes(String device, int port) {
          return RdmaLibrary.activeMtuBytes(device, port);
        }
      };

  RdmaChecks(
      Path sysRoot, Path devRoot, Path procRoot, Library library, EngineEnvironment environment) {
    this.sysRoot = sysRoot;
    this.devRoot = devRoot;
    this.procRoot = procRoot;
    this.library = library;
    this.environment = environment;
  }

  /** {@return the findings for this machine} */
  static List<CheckResult> all(EngineEnvironment environment) {
    return new RdmaChecks(SYS, DEV, PROC, LIBIBVERBS, environment).findings();
  }

  List<CheckResult> findings() {
    List<RdmaDevice> devices =
        PortView.onPort(RdmaDevices.discover(sysRoot, devRoot), sysRoot, environment);
    List<CheckResult> findings = new ArrayList<>();
    findings.add(verbsLibrary());
    library.file().ifPresent(file -> findings.add(providers(file)));
    findings.add(devices(devices));
    filters(devices).ifPresent(findings::add);
    for (RdmaDevice device : devices) {
      findings.add(device(device));
      if (device.verbsNode().isPresent()) {
        device.ports().forEach(port -> port(device, port, findings));
      }
    }
    findings.add(lockedMemory());
    return findings;
  }

  private CheckResult verbsLibrary() {
    Optional<String> cause = library.unavailabilityCause();
    if (cause.isPresent()) {
      return CheckResult.no("libibverbs", cause.get());
    }
    return CheckResult.ok("libibverbs", library.file().map(Path::toString).orElse("loaded"));
  }

  /** Without the provider for its hardware, libibverbs does not see a device of the kernel. */
  private static CheckResult providers(Path file) {
    Path folder = file.resolveSibling("libibverbs");
    int count = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*-rdmav*.so")) {
      for (Path provider : files) {
        count += Files.exists(provider) ? 1 : 0;
      }
    } catch (IOException e) {
      count = 0;
    }
    return count > 0
        ? CheckResult.ok("verbs providers", count + " in " + folder)
        : CheckResult.no("verbs providers", "none in " + folder + ": install ibverbs-providers");
  }

  private CheckResult devices(List<RdmaDevice> devices) {
    if (devices.isEmpty()) {
      return CheckResult.no(
          "RDMA devices",
          "none in %s; for RDMA in software: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev"
                  .formatted(sysRoot.resolve("class/infiniband"))
              + " INTERFACE");
    }
    String names = devices.stream().map(RdmaDevice::name).collect(Collectors.joining(", "));
    long usable = devices.stream().filter(RdmaDevice::usable).count();
    String text = "%s; %d of %d usable".formatted(names, usable, devices.size());
    return usable > 0 ? CheckResult.ok("RDMA devices", text) : CheckResult.no("RDMA devices", text);
  }

  private Optional<CheckResult> filters(List<RdmaDevice> devices) {
    String filters = environment.deviceFilters();
    if (filters.isEmpty()) {
      return Optional.empty();
    }
    String variable = "MC_TE_FILTERS";
    try {
      RdmaDevices.select(devices, variable, filters);
      return Optional.of(CheckResult.ok(variable, filters));
    } catch (ConfigurationException e) {
      return Optional.of(CheckResult.no(variable, e));
    }
  }

  private static CheckResult device(RdmaDevice device) {
    String what = device.name();
    if (device.unusable().isPresent()) {
      return CheckResult.no(what, device.unusable().get());
    }
    String node = device.numaNode() < 0 ? "unknown" : Integer.toString(device.numaNode());
    String file = device.verbsNode().map(Path::toString).orElse("no device file");
    return CheckResult.ok(what, "%s can be used, NUMA node %s".formatted(file, node));
  }

  private void port(RdmaDevice device, RdmaPort port, List<CheckResult> findings) {
    String what = device.name() + " port " + port.number();
    String text = port.state() + ", " + port.linkLayer();
    int used = environment.rdmaPort();
    if (port.number() != used) {
      findings.add(CheckResult.no(what, text + "; not used, because MC_IB_PORT is " + used));
      return;
    }
    PortView view = PortView.of(device, port, sysRoot, environment);
    findings.add(port.active() ? CheckResult.ok(what, text) : CheckResult.no(what, text));
    findings.add(gid(what + " GID", view));
    if (port.active() && library.unavailabilityCause().isEmpty()) {
      Optional<String> netdev = view.choice().chosen().flatMap(GidEntry::netdev);
      findings.add(mtu(what + " MTU", device.name(), port.number(), netdev));
    }
  }

  private static CheckResult gid(String what, PortView view) {
    if (view.choice().chosen().isEmpty()) {
      return CheckResult.no(what, view.choice().reason());
    }
    List<GidEntry> ranked = view.choice().ranked();
    String others =
        ranked.stream()
            .skip(1)
            .limit(GIDS_SHOWN)
            .map(PortView::text)
            .collect(Collectors.joining(", "));
    String more = ranked.size() > 1 + GIDS_SHOWN ? ", …" : "";
    return CheckResult.ok(
        what,
        view.gid()
            + ": "
            + view.choice().reason()
            + (others.isEmpty() ? "" : "; then " + others + more));
  }

  /** Asks the device itself, which shows also whether it can be opened. */
  private CheckResult mtu(String what, String device, int port, Optional<String> netdev) {
    int active;
    try {
      active = library.activeMtuBytes(device, port);
    } catch (TransferException e) {
      return CheckResult.no(what, e);
    }
    int wanted = environment.rdmaMtuBytes();
    String text = active + " bytes";
    if (active >= wanted) {
      return CheckResult.ok(what, text);
    }
    String remedy =
        netdev
            .map(
                name ->
                    "ip link set %s mtu %d%s"
                        .formatted(name, RoceMtu.neededFor(wanted), frameMtu(name)))
            .orElse("set it at the subnet manager");
    return CheckResult.no(what, "%s; for %d on both sides: %s".formatted(text, wanted, remedy));
  }

  private String frameMtu(String netdev) {
    OptionalInt mtu = RoceMtu.ofInterface(sysRoot, netdev);
    return mtu.isPresent() ? " (now " + mtu.getAsInt() + ")" : "";
  }

  private CheckResult lockedMemory() {
    String what = "locked memory";
    Optional<String> limit = firstMatch(procRoot.resolve("limits"), LIMIT);
    if (limit.isEmpty()) {
      return CheckResult.no(what, procRoot.resolve("limits") + " cannot be read");
    }
    String soft = limit.get();
    if (soft.equals("unlimited")) {
      return CheckResult.ok(what, soft);
    }
    String size = soft.matches("[0-9]{1,18}") ? Units.size(Long.parseLong(soft)) : soft;
    boolean exempt =
        firstMatch(procRoot.resolve("status"), EFFECTIVE)
            .filter(mask -> (Long.parseUnsignedLong(mask, 16) >>> CAP_IPC_LOCK & 1) == 1)
            .isPresent();
    return exempt
        ? CheckResult.ok(what, size + ", which does not limit this process (CAP_IPC_LOCK)")
        : CheckResult.no(
            what,
            size
                + "; RDMA cannot register more: set ulimit -l unlimited, LimitMEMLOCK=infinity for"
                + " a service, --ulimit memlock=-1 for a container");
  }

  private static Optional<String> firstMatch(Path file, Pattern pattern) {
    try {
      for (String line : Files.readAllLines(file)) {
        var matcher = pattern.matcher(line);
        if (matcher.matches()) {
          return Optional.of(matcher.group(1));
        }
      }
    } catch (IOException unreadable) {
      return Optional.empty();
    }
    return Optional.empty();
  }
}
