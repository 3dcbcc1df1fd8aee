// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/** Writes a sysfs and a /dev for tests, with links as Linux makes them. */
public final class FakeMachine {
  /** The text of an empty row. */
  public static final String NULL_GID = "0000:0000:0000:0000:0000:0000:0000:0000";

  private final Path sys;
  private final Path dev;
  private int devices;

  /** An empty machine below {@code root}. */
  public FakeMachine(Path root) {
    sys = root.resolve("sys");
    dev = root.resolve("dev");
    folder(sys);
    folder(dev);
  }

  /** {@return a usable device with one port, of no machine} */
  public static RdmaDevice device(String name) {
    return new RdmaDevice(
        name,
        0,
        Optional.empty(),
        List.of(new RdmaPort(1, "ACTIVE", "Ethernet", true)),
        Optional.empty(),
        true,
        Optional.empty());
  }

  /** {@return what stands for /sys} */
  public Path sys() {
    return sys;
  }

  /** {@return what stands for /dev} */
  public Path dev() {
    return dev;
  }

  /** Adds NUMA nodes. */
  public FakeMachine nodes(int... numbers) {
    for (int number : numbers) {
      folder(sys.resolve("devices/system/node/node" + number));
    }
    return this;
  }

  /** Adds a device on the PCI bus, with an active port of RoCE and one GID. */
  public FakeMachine nic(String name, int numaNode, String pciPath) {
    Path device = pci(pciPath, numaNode);
    software(name);
    link(infiniband(name).resolve("device"), device);
    return this;
  }

  /** Adds a device without a place on a bus, with an active port of RoCE and one GID. */
  public FakeMachine software(String name) {
    Path device = infiniband(name);
    write(device.resolve("node_type"), "1: CA");
    port(name, 1, "4: ACTIVE", "Ethernet");
    gid(name, 1, 0, "0000:0000:0000:0000:0000:ffff:0a63:000" + devices, "RoCE v2", "eth" + devices);
    write(sys.resolve("class/infiniband_verbs/uverbs" + devices + "/ibdev"), name);
    write(dev.resolve("infiniband/uverbs" + devices), "");
    devices++;
    return this;
  }

  /** Adds or replaces a port. */
  public FakeMachine port(String device, int number, String state, String linkLayer) {
    write(portFolder(device, number).resolve("state"), state);
    write(portFolder(device, number).resolve("link_layer"), linkLayer);
    return this;
  }

  /** Adds or replaces a row of a GID table; an empty type or netdev leaves that file out. */
  public FakeMachine gid(
      String device, int port, int index, String gid, String type, String netdev) {
    Path folder = portFolder(device, port);
    write(folder.resolve("gids/" + index), gid);
    if (!type.isEmpty()) {
      write(folder.resolve("gid_attrs/types/" + index), type);
    }
    if (!netdev.isEmpty()) {
      write(folder.resolve("gid_attrs/ndevs/" + index), netdev);
    }
    return this;
  }

  /** Adds something on the PCI bus. */
  public FakeMachine pciDevice(String pciPath, int numaNode, String vendor, String deviceClass) {
    Path device = pci(pciPath, numaNode);
    write(device.resolve("vendor"), vendor);
    write(device.resolve("class"), deviceClass);
    link(sys.resolve("bus/pci/devices").resolve(device.getFileName()), device);
    return this;
  }

  /** Adds a network interface on the PCI bus. */
  public FakeMachine netdev(String name, int numaNode, String pciPath) {
    link(sys.resolve("class/net").resolve(name).resolve("device"), pci(pciPath, numaNode));
    return this;
  }

  /** {@return the device's folder in /sys/class/infiniband} */
  public Path infiniband(String name) {
    return sys.resolve("class/infiniband").resolve(name);
  }

  /** {@return the port's folder} */
  public Path portFolder(String device, int number) {
    return infiniband(device).resolve("ports/" + number);
  }

  /** {@return the devices of this machine} */
  public List<RdmaDevice> discover() {
    return RdmaDevices.discover(sys, dev);
  }

  /** Writes a line, as sysfs has it. */
  public void write(Path file, String text) {
    try {
      Files.createDirectories(file.getParent());
      Files.writeString(file, text + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path pci(String pciPath, int numaNode) {
    Path device = sys.resolve("devices").resolve(pciPath);
    write(device.resolve("numa_node"), Integer.toString(numaNode));
    return device;
  }

  private static void link(Path link, Path target) {
    try {
      Path folder = Objects.requireNonNull(link.getParent());
      Files.createDirectories(folder);
      Files.createSymbolicLink(link, folder.relativize(target));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void folder(Path folder) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
