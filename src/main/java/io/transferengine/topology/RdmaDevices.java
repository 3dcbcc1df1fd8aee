// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import io.transferengine.transfer.ConfigurationException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Finds the machine's RDMA devices in sysfs, without a library. Thread-safe. */
public final class RdmaDevices {
  /**
   * A name that fits into a NIC path ({@code host@name}) and a line of text. The kernel makes only
   * such names, but root may rename devices ({@code rdma dev set}).
   */
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,63}");

  /** The kernel's enumeration of ports is a byte (ib_user_verbs.h). */
  private static final int PORT_MAX = 255;

  /** {@code mlx5_2} before {@code mlx5_10}. */
  private static final Comparator<String> BY_NUMBER =
      Comparator.<String, String>comparing(name -> name.replaceFirst("[0-9]+$", ""))
          .thenComparing(String::length)
          .thenComparing(Comparator.naturalOrder());

  private final Path sysRoot;
  private final Map<String, Path> verbsNodes;
  private final Predicate<Path> mayUse;

  private RdmaDevices(Path sysRoot, Map<String, Path> verbsNodes, Predicate<Path> mayUse) {
    this.sysRoot = sysRoot;
    this.verbsNodes = verbsNodes;
    this.mayUse = mayUse;
  }

  /**
   * {@return all RDMA devices, usable or not, sorted by name; a number at the end of a name counts
   * as a number}
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   * @param devRoot {@code /dev}, or a folder that looks like it
   */
  public static List<RdmaDevice> discover(Path sysRoot, Path devRoot) {
    return discover(sysRoot, devRoot, file -> Files.isReadable(file) && Files.isWritable(file));
  }

  /** With another test of access: root, which often runs tests, may use everything. */
  static List<RdmaDevice> discover(Path sysRoot, Path devRoot, Predicate<Path> mayUse) {
    Path verbs = sysRoot.resolve("class/infiniband_verbs");
    Map<String, Path> nodes = new HashMap<>();
    for (int number : SysFiles.numbers(verbs, "uverbs")) {
      String file = "uverbs" + number;
      SysFiles.text(verbs.resolve(file).resolve("ibdev"))
          .ifPresent(name -> nodes.put(name, devRoot.resolve("infiniband").resolve(file)));
    }
    RdmaDevices devices = new RdmaDevices(sysRoot, nodes, mayUse);
    return names(sysRoot).stream().map(devices::device).toList();
  }

  /** {@return the names of all devices, sorted} */
  static List<String> names(Path sysRoot) {
    return SysFiles.names(sysRoot.resolve("class/infiniband"), NAME).stream()
        .sorted(BY_NUMBER)
        .toList();
  }

  /**
   * {@return the {@code devices} that a list names, in their order}
   *
   * @param devices from {@link #discover}
   * @param source the variable or argument that holds the list, for the text of an error
   * @param names device names separated by commas; empty for all
   * @throws ConfigurationException if a name is not among the devices; it lists them
   */
  public static List<RdmaDevice> select(List<RdmaDevice> devices, String source, String names) {
    if (names.isEmpty()) {
      return List.copyOf(devices);
    }
    List<String> wanted = List.of(names.split(",", -1));
    List<String> known = devices.stream().map(RdmaDevice::name).toList();
    for (String name : wanted) {
      if (!known.contains(name)) {
        throw new ConfigurationException(
            source,
            names,
            "there is no RDMA device \"" + name + '"',
            known.isEmpty()
                ? "an empty list, because this machine has no RDMA devices"
                : "names out of " + String.join(",", known) + ", separated by commas");
      }
    }
    return devices.stream().filter(device -> wanted.contains(device.name())).toList();
  }

  /**
   * {@return why none of these can be used, for people}
   *
   * @param devices all devices, perhaps none; a usable one is missing in the custom matrix
   */
  public static String unusable(List<RdmaDevice> devices) {
    return devices.isEmpty()
        ? "this machine has no RDMA devices"
        : devices.stream()
            .map(
                device ->
                    device.name() + ": " + device.unusable().orElse("not in the custom matrix"))
            .collect(Collectors.joining("; ", "no RDMA device can be used (", ")"));
  }

  /**
   * {@return the same devices, where those whose port or GID cannot be used are marked unusable}
   *
   * @param devices from {@link #discover}
   * @param sysRoot {@code /sys}, or a folder that looks like it
   * @param port the port of each device ({@code MC_IB_PORT}), 1 to 255
   * @param gidIndex the index of its GID ({@code MC_GID_INDEX}), {@link GidChoice#AUTOMATIC} for
   *     the best
   */
  public static List<RdmaDevice> onPort(
      List<RdmaDevice> devices, Path sysRoot, int port, int gidIndex) {
    return devices.stream()
        .map(
            device ->
                device.usable()
                    ? portProblem(device, sysRoot, port, gidIndex)
                        .map(device::without)
                        .orElse(device)
                    : device)
        .toList();
  }

  private static Optional<String> portProblem(
      RdmaDevice device, Path sysRoot, int number, int gidIndex) {
    Optional<RdmaPort> port = device.port(number);
    if (port.isEmpty()) {
      return Optional.of("it has no port " + number + ": set MC_IB_PORT to one that it has");
    }
    if (!port.get().active()) {
      return Optional.of(
          "port %d is %s: set MC_IB_PORT to one that is ACTIVE"
              .formatted(number, port.get().state()));
    }
    boolean filled =
        gidIndex == GidChoice.AUTOMATIC
            ? port.get().hasGid()
            : GidTable.has(sysRoot, device.name(), number, gidIndex);
    return filled
        ? Optional.empty()
        : Optional.of(
            GidChoice.choose(GidTable.read(sysRoot, device.name(), number), gidIndex).reason());
  }

  private RdmaDevice device(String name) {
    Path folder = sysRoot.resolve("class/infiniband").resolve(name);
    Path bus = busDevice(folder);
    List<RdmaPort> ports = ports(name, folder.resolve("ports"));
    Optional<Path> node = Optional.ofNullable(verbsNodes.get(name)).filter(Files::exists);
    boolean accessible = node.filter(mayUse).isPresent();
    return new RdmaDevice(
        name,
        Math.max(-1, SysFiles.number(bus.resolve("numa_node")).orElse(-1)),
        PciLocation.of(bus),
        ports,
        node,
        accessible,
        problem(name, folder, node, ports));
  }

  /** A soft-RoCE device has none; the interface below it may have one. */
  private Path busDevice(Path folder) {
    Path own = folder.resolve("device");
    if (Files.exists(own)) {
      return own;
    }
    return SysFiles.text(folder.resolve("parent"))
        .filter(parent -> NAME.matcher(parent).matches())
        .map(parent -> sysRoot.resolve("class/net").resolve(parent).resolve("device"))
        .orElse(own);
  }

  private List<RdmaPort> ports(String device, Path folder) {
    List<RdmaPort> ports = new ArrayList<>();
    for (int number : SysFiles.numbers(folder, "")) {
      if (number >= 1 && number <= PORT_MAX) {
        Path port = folder.resolve(Integer.toString(number));
        ports.add(
            new RdmaPort(
                number,
                state(port.resolve("state")),
                word(port.resolve("link_layer")),
                GidTable.hasAny(sysRoot, device, number)));
      }
    }
    return ports;
  }

  /** The file says {@code 4: ACTIVE}. */
  private static String state(Path file) {
    return word(file).replaceFirst("^[0-9]+: *", "");
  }

  /** Tables and messages get a short word, whatever the file holds. */
  private static String word(Path file) {
    return SysFiles.text(file).filter(text -> text.matches("[\\w:. -]{1,40}")).orElse("unknown");
  }

  private Optional<String> problem(
      String name, Path folder, Optional<Path> node, List<RdmaPort> ports) {
    if (SysFiles.text(folder.resolve("node_type"))
        .filter(type -> type.startsWith("4"))
        .isPresent()) {
      return Optional.of("it is an iWARP device, which connects differently; use TCP over it");
    }
    if (node.isEmpty()) {
      return Optional.of(
          "it has no file in /dev/infiniband: modprobe ib_uverbs; a container needs"
              + " --device=/dev/infiniband");
    }
    if (!mayUse.test(node.get())) {
      return Optional.of(
          node.get() + " cannot be read and written by this user: chmod a+rw, or run as root");
    }
    if (ports.stream().noneMatch(RdmaPort::active)) {
      return Optional.of(
          "no port is ACTIVE: plug the cable in or set the interface up (rdma link show "
              + name
              + "/1); InfiniBand needs a subnet manager too");
    }
    if (ports.stream().noneMatch(port -> port.active() && port.hasGid())) {
      return Optional.of("no active port has a GID: give its network interface an IP address");
    }
    return Optional.empty();
  }
}
