// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import io.transferengine.Engine;
import io.transferengine.config.CommandEnvironment;
import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.stream.Stream;

/** What the doctor looks at. Each check is a line or two, and none throws. */
final class DoctorChecks {
  private static final int REQUIRED_JAVA = 25;

  /** An engine takes two ports; a machine with fewer free runs one at most. */
  private static final int PORTS_NEEDED = 4;

  private static final Path LIMITS = Path.of("/proc/self/limits");
  private static final Path DEVICES = Path.of("/sys/class/infiniband");
  private static final String VERBS_LIBRARY = "libibverbs.so.1";
  private static final String DIRECT_OPTION = "-XX:MaxDirectMemorySize=";

  /** Where distributions put libraries; ld.so.cache is not asked. */
  private static final List<Path> LIBRARY_FOLDERS =
      List.of(
          Path.of("/usr/lib/x86_64-linux-gnu"),
          Path.of("/usr/lib/aarch64-linux-gnu"),
          Path.of("/usr/lib64"),
          Path.of("/usr/lib"),
          Path.of("/usr/local/lib"),
          Path.of("/lib/x86_64-linux-gnu"),
          Path.of("/lib64"));

  private DoctorChecks() {}

  static List<Finding> all(CommandEnvironment environment) {
    List<Finding> findings = new ArrayList<>();
    findings.add(java(environment));
    findings.add(Finding.ok("system", environment.system() + ", " + environment.architecture()));
    findings.add(memory());
    findings.add(directMemory());
    findings.add(variables());
    findings.add(io("TCP over epoll", TcpIo.EPOLL));
    findings.add(io("TCP over io_uring", TcpIo.IO_URING));
    findings.add(io("TCP over NIO", TcpIo.NIO));
    findings.add(ports());
    findings.add(verbsLibrary());
    findings.add(devices());
    findings.add(lockedMemory());
    findings.add(Finding.no("RDMA", "not built in yet; TCP is used, whatever the machine has"));
    findings.add(MetadataCheck.run());
    findings.add(SelfTest.run());
    return findings;
  }

  private static Finding java(CommandEnvironment environment) {
    String text = environment.javaVersion() + " in " + environment.javaHome();
    return Runtime.version().feature() >= REQUIRED_JAVA
        ? Finding.ok("JDK", text)
        : Finding.missing("JDK", text + "; 25 or newer is needed");
  }

  private static Finding memory() {
    OptionalLong available = MachineMemory.availableBytes();
    return available.isPresent()
        ? Finding.ok("memory", Units.size(available.getAsLong()) + " available")
        : Finding.no("memory", "/proc/meminfo cannot be read");
  }

  /** The option is on the command line, if at all; without it the heap's limit counts. */
  private static Finding directMemory() {
    String[] arguments = ProcessHandle.current().info().arguments().orElse(new String[0]);
    Optional<String> option =
        Arrays.stream(arguments).filter(text -> text.startsWith(DIRECT_OPTION)).findFirst();
    String heap = Units.size(Runtime.getRuntime().maxMemory());
    return Finding.ok(
        "memory for buffers",
        option
            .map(text -> text.substring(DIRECT_OPTION.length()) + " (" + DIRECT_OPTION + ")")
            .orElse("up to " + heap + ", as the heap; " + DIRECT_OPTION + "N changes it"));
  }

  private static Finding variables() {
    try {
      List<String> warnings = Settings.fromEnvironment().warnings();
      return warnings.isEmpty()
          ? Finding.ok("environment variables", "well-formed")
          : Finding.no("environment variables", String.join("; ", warnings));
    } catch (ConfigurationException e) {
      return Finding.missing("environment variables", text(e));
    }
  }

  private static Finding io(String what, TcpIo io) {
    try (Engine engine = Engine.open(Configs.loopback().tcpIo(io).build())) {
      return Finding.ok(what, "opened as " + engine.segmentName());
    } catch (TransferException e) {
      return io == TcpIo.NIO ? Finding.missing(what, text(e)) : Finding.no(what, text(e));
    }
  }

  private static Finding ports() {
    Settings settings;
    try {
      settings = Settings.fromEnvironment();
    } catch (ConfigurationException e) {
      settings = Settings.builder().build();
    }
    int first = settings.get(Options.MIN_RPC_PORT);
    int last = settings.get(Options.MAX_RPC_PORT);
    int free = 0;
    for (int port = first; port <= last; port++) {
      free += isFree(port) ? 1 : 0;
    }
    String text = "%d of %d free in %d-%d".formatted(free, last - first + 1, first, last);
    return free >= PORTS_NEEDED
        ? Finding.ok("ports", text)
        : Finding.missing("ports", text + ": set MC_MIN_RPC_PORT and MC_MAX_RPC_PORT");
  }

  private static boolean isFree(int port) {
    try (ServerSocket socket = new ServerSocket()) {
      // A connection that has ended does not block a listener; see ip(7), SO_REUSEADDR.
      socket.setReuseAddress(true);
      socket.bind(new InetSocketAddress(port), 1);
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  private static Finding verbsLibrary() {
    Optional<Path> library =
        LIBRARY_FOLDERS.stream()
            .map(folder -> folder.resolve(VERBS_LIBRARY))
            .filter(Files::exists)
            .findFirst();
    return library
        .map(path -> Finding.ok("libibverbs", path.toString()))
        .orElse(
            Finding.no("libibverbs", VERBS_LIBRARY + " not found: package libibverbs1, rdma-core"));
  }

  private static Finding devices() {
    TreeSet<String> names = new TreeSet<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(DEVICES)) {
      entries.forEach(entry -> names.add(String.valueOf(entry.getFileName())));
    } catch (IOException e) {
      return Finding.no("RDMA devices", "none: " + DEVICES + " is not there");
    }
    return names.isEmpty()
        ? Finding.no("RDMA devices", "none in " + DEVICES)
        : Finding.ok("RDMA devices", String.join(", ", names));
  }

  private static Finding lockedMemory() {
    try (Stream<String> lines = Files.lines(LIMITS)) {
      String soft =
          lines
              .filter(line -> line.startsWith("Max locked memory"))
              .map(line -> line.substring("Max locked memory".length()).strip().split(" +", -1)[0])
              .findFirst()
              .orElse("unknown");
      if (soft.equals("unlimited")) {
        return Finding.ok("locked memory", "unlimited");
      }
      String size = soft.matches("[0-9]{1,18}") ? Units.size(Long.parseLong(soft)) : soft;
      return Finding.no("locked memory", size + "; RDMA registers no more: ulimit -l unlimited");
    } catch (IOException e) {
      return Finding.no("locked memory", LIMITS + " cannot be read");
    }
  }

  static String text(TransferException e) {
    return String.valueOf(e.getMessage()).replaceAll("\\s*\\R\\s*", "; ");
  }
}
