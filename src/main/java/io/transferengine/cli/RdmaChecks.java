// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.config.RdmaOptions;
import io.transferengine.config.Settings;
import io.transferengine.topology.GidEntry;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.topology.RdmaDevices;
import io.transferengine.topology.RdmaPort;
import io.transferengine.topology.RoceMtu;
import io.transferengine.transfer.ConfigurationException;
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
 * What the doctor looks at for RDMA: the library, the devices, their ports, the limits. Everything
 * that is not as it should be comes with what to do about it; none of the checks throws.
 */
final class RdmaChecks {
  static final Path SYS = Path.of("/sys");
  static final Path DEV = Path.of("/dev");
  static final Path PROC = Path.of("/proc/self");

  /** Where distributions put libraries; ld.so.cache is not asked. */
  static final List<Path> LIBRARY_FOLDERS =
      List.of(
          Path.of("/usr/lib/x86_64-linux-gnu"),
          Path.of("/usr/lib/aarch64-linux-gnu"),
          Path.of("/usr/lib64"),
          Path.of("/usr/lib"),
          Path.of("/usr/local/lib"),
          Path.of("/lib/x86_64-linux-gnu"),
          Path.of("/lib64"));

  private static final String LIBRARY = "libibverbs.so.1";
  private static final Pattern LIBRARY_VERSION = Pattern.compile("libibverbs\\.so\\.([0-9.]+)");

  /** What else could be tried; a table may have hundreds of rows. */
  private static final int GIDS_SHOWN = 3;

  /** Locks as much memory as there is, whatever the limit (capabilities(7)). */
  private static final int CAP_IPC_LOCK = 14;

  private static final Pattern LIMIT = Pattern.compile("Max locked memory +([^ ]+) .*");
  private static final Pattern EFFECTIVE = Pattern.compile("CapEff:\\s*([0-9a-f]{1,16})");

  private final Path sysRoot;
  private final Path devRoot;
  private final Path procRoot;
  private final List<Path> libraryFolders;
  private final Settings settings;

  RdmaChecks(
      Path sysRoot, Path devRoot, Path procRoot, List<Path> libraryFolders, Settings settings) {
    this.sysRoot = sysRoot;
    this.devRoot = devRoot;
    this.procRoot = procRoot;
    this.libraryFolders = List.copyOf(libraryFolders);
    this.settings = settings;
  }

  /** {@return the findings for this machine} */
  static List<Finding> all(Settings settings) {
    return new RdmaChecks(SYS, DEV, PROC, LIBRARY_FOLDERS, settings).findings();
  }

  List<Finding> findings() {
    List<RdmaDevice> devices =
        PortView.onPort(RdmaDevices.discover(sysRoot, devRoot), sysRoot, settings);
    List<Finding> findings = new ArrayList<>();
    Optional<Path> library = library();
    findings.add(verbsLibrary(library));
    library.ifPresent(file -> findings.add(providers(file)));
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

  private Optional<Path> library() {
    return libraryFolders.stream()
        .map(folder -> folder.resolve(LIBRARY))
        .filter(Files::exists)
        .findFirst();
  }

  private static Finding verbsLibrary(Optional<Path> library) {
    return library
        .map(file -> Finding.ok("libibverbs", file + version(file)))
        .orElse(
            Finding.no(
                "libibverbs",
                LIBRARY + " not found: install libibverbs1 and ibverbs-providers (rdma-core)"));
  }

  /** The link leads to a file whose name ends in the version. */
  private static String version(Path library) {
    try {
      String name = String.valueOf(library.toRealPath().getFileName());
      var matcher = LIBRARY_VERSION.matcher(name);
      return matcher.matches() ? ", version " + matcher.group(1) : ", of unknown version";
    } catch (IOException e) {
      return ", which cannot be followed: " + e.getMessage();
    }
  }

  /** Without the one for its hardware, libibverbs does not see a device that the kernel has. */
  private static Finding providers(Path library) {
    Path folder = library.resolveSibling("libibverbs");
    int count = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*-rdmav*.so")) {
      for (Path file : files) {
        count += Files.exists(file) ? 1 : 0;
      }
    } catch (IOException e) {
      count = 0;
    }
    return count > 0
        ? Finding.ok("verbs providers", count + " in " + folder)
        : Finding.no("verbs providers", "none in " + folder + ": install ibverbs-providers");
  }

  private Finding devices(List<RdmaDevice> devices) {
    if (devices.isEmpty()) {
      return Finding.no(
          "RDMA devices",
          "none in %s; for RDMA in software: modprobe rdma_rxe; rdma link add rxe0 type rxe netdev"
                  .formatted(sysRoot.resolve("class/infiniband"))
              + " INTERFACE");
    }
    String names = devices.stream().map(RdmaDevice::name).collect(Collectors.joining(", "));
    long usable = devices.stream().filter(RdmaDevice::usable).count();
    String text = "%s; %d of %d usable".formatted(names, usable, devices.size());
    return usable > 0 ? Finding.ok("RDMA devices", text) : Finding.no("RDMA devices", text);
  }

  private Optional<Finding> filters(List<RdmaDevice> devices) {
    String filters = settings.get(RdmaOptions.TE_FILTERS);
    if (filters.isEmpty()) {
      return Optional.empty();
    }
    String variable = RdmaOptions.TE_FILTERS.environmentName();
    try {
      RdmaDevices.select(devices, variable, filters);
      return Optional.of(Finding.ok(variable, filters));
    } catch (ConfigurationException e) {
      return Optional.of(Finding.missing(variable, DoctorChecks.text(e)));
    }
  }

  private static Finding device(RdmaDevice device) {
    String what = device.name();
    if (device.unusable().isPresent()) {
      return Finding.no(what, device.unusable().get());
    }
    String node = device.numaNode() < 0 ? "unknown" : Integer.toString(device.numaNode());
    String file = device.verbsNode().map(Path::toString).orElse("no device file");
    return Finding.ok(what, "%s may be used, NUMA node %s".formatted(file, node));
  }

  private void port(RdmaDevice device, RdmaPort port, List<Finding> findings) {
    String what = device.name() + " port " + port.number();
    String text = port.state() + ", " + port.linkLayer();
    int used = settings.get(RdmaOptions.IB_PORT);
    if (port.number() != used) {
      findings.add(Finding.no(what, text + "; not used, since MC_IB_PORT is " + used));
      return;
    }
    PortView view = PortView.of(device, port, sysRoot, settings);
    findings.add(port.active() ? Finding.ok(what, text) : Finding.no(what, text));
    findings.add(gid(what + " GID", view));
    view.choice()
        .chosen()
        .flatMap(GidEntry::netdev)
        .ifPresent(netdev -> findings.add(mtu(what + " MTU", netdev)));
  }

  private static Finding gid(String what, PortView view) {
    if (view.choice().chosen().isEmpty()) {
      return Finding.no(what, view.choice().reason());
    }
    List<GidEntry> ranked = view.choice().ranked();
    String others =
        ranked.stream()
            .skip(1)
            .limit(GIDS_SHOWN)
            .map(PortView::text)
            .collect(Collectors.joining(", "));
    String more = ranked.size() > 1 + GIDS_SHOWN ? ", …" : "";
    return Finding.ok(
        what,
        view.gid()
            + ": "
            + view.choice().reason()
            + (others.isEmpty() ? "" : "; then " + others + more));
  }

  /** What the device makes of it is only known when it is opened; this is the kernel's formula. */
  private Finding mtu(String what, String netdev) {
    OptionalInt frame = RoceMtu.ofInterface(sysRoot, netdev);
    if (frame.isEmpty()) {
      return Finding.no(what, netdev + " is not visible here: it is in another network namespace");
    }
    int wanted = settings.get(RdmaOptions.MTU);
    int path = RoceMtu.within(frame.getAsInt()).orElse(0);
    String text = "%d bytes, for %s has %d".formatted(path, netdev, frame.getAsInt());
    return path >= wanted
        ? Finding.ok(what, text)
        : Finding.no(
            what,
            "%s; for %d: ip link set %s mtu %d, on both sides and the switch"
                .formatted(text, wanted, netdev, RoceMtu.neededFor(wanted)));
  }

  private Finding lockedMemory() {
    String what = "locked memory";
    Optional<String> limit = firstMatch(procRoot.resolve("limits"), LIMIT);
    if (limit.isEmpty()) {
      return Finding.no(what, procRoot.resolve("limits") + " cannot be read");
    }
    String soft = limit.get();
    if (soft.equals("unlimited")) {
      return Finding.ok(what, soft);
    }
    String size = soft.matches("[0-9]{1,18}") ? Units.size(Long.parseLong(soft)) : soft;
    boolean exempt =
        firstMatch(procRoot.resolve("status"), EFFECTIVE)
            .filter(mask -> (Long.parseUnsignedLong(mask, 16) >>> CAP_IPC_LOCK & 1) == 1)
            .isPresent();
    return exempt
        ? Finding.ok(what, size + ", which does not bind this process (CAP_IPC_LOCK)")
        : Finding.no(
            what,
            size
                + "; RDMA registers no more: ulimit -l unlimited, LimitMEMLOCK=infinity of a"
                + " service, --ulimit memlock=-1 of a container");
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
