// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Predicate;

/** Finds in sysfs which devices are near which memory (protocol section 8). */
final class MatrixDiscovery {
  private static final int NVIDIA = 0x10de;

  /** The upper two bytes of the class are base class and subclass (PCI ID database). */
  private static final int SUBCLASS_SHIFT = 8;

  private static final int VGA_CONTROLLER = 0x0300;
  private static final int CONTROLLER_3D = 0x0302;

  private final List<RdmaDevice> devices;
  private final List<Integer> nodes;

  /** A GPU: its NUMA node, or -1, and the PCI bridges down to it. */
  private record Gpu(int numaNode, Optional<String> pciPath) {}

  private MatrixDiscovery(List<RdmaDevice> devices, List<Integer> nodes) {
    this.devices = devices;
    this.nodes = nodes;
  }

  static Map<String, DevicePreference> matrix(List<RdmaDevice> devices, Path sysRoot) {
    List<RdmaDevice> usable = devices.stream().filter(RdmaDevice::usable).toList();
    if (usable.isEmpty()) {
      return Map.of();
    }
    List<Integer> nodes = SysFiles.numbers(sysRoot.resolve("devices/system/node"), "node");
    return new MatrixDiscovery(usable, nodes.isEmpty() ? List.of(0) : nodes).matrix(gpus(sysRoot));
  }

  /** {@return the devices near a GPU; empty if sysfs does not show it, or there are none} */
  static Optional<DevicePreference> near(
      List<RdmaDevice> devices, Path sysRoot, String pciAddress) {
    Path gpu = sysRoot.resolve("bus/pci/devices").resolve(pciAddress);
    if (devices.isEmpty() || !Files.exists(gpu)) {
      return Optional.empty();
    }
    List<Integer> nodes = SysFiles.numbers(sysRoot.resolve("devices/system/node"), "node");
    MatrixDiscovery all = new MatrixDiscovery(devices, nodes.isEmpty() ? List.of(0) : nodes);
    return Optional.of(all.split(all.nearest(gpu(gpu))));
  }

  private Map<String, DevicePreference> matrix(List<Gpu> gpus) {
    Map<String, DevicePreference> matrix = new HashMap<>();
    for (int node : nodes) {
      matrix.put("cpu:" + node, split(device -> nodeOf(device) == node));
    }
    for (int i = 0; i < gpus.size(); i++) {
      matrix.put("cuda:" + i, split(nearest(gpus.get(i))));
    }
    return matrix;
  }

  private DevicePreference split(Predicate<RdmaDevice> preferred) {
    return new DevicePreference(names(preferred), names(preferred.negate()));
  }

  private List<String> names(Predicate<RdmaDevice> which) {
    return devices.stream().filter(which).map(RdmaDevice::name).toList();
  }

  /** An unknown node counts as the first: right with one node, harmless with more. */
  private int nodeOf(RdmaDevice device) {
    return device.numaNode() < 0 ? nodes.getFirst() : device.numaNode();
  }

  private Predicate<RdmaDevice> nearest(Gpu gpu) {
    Predicate<RdmaDevice> sameNode =
        device -> gpu.numaNode() >= 0 && nodeOf(device) == gpu.numaNode();
    Predicate<RdmaDevice> candidate =
        devices.stream().anyMatch(sameNode) ? sameNode : device -> true;
    OptionalInt least =
        devices.stream()
            .filter(candidate)
            .mapToInt(device -> PciLocation.distance(gpu.pciPath(), device.pciPath()))
            .min();
    return candidate.and(
        device ->
            PciLocation.distance(gpu.pciPath(), device.pciPath())
                == least.orElse(Integer.MAX_VALUE));
  }

  /** In the order of CUDA with {@code CUDA_DEVICE_ORDER=PCI_BUS_ID}. */
  static List<String> gpuAddresses(Path sysRoot) {
    Path bus = sysRoot.resolve("bus/pci/devices");
    return SysFiles.names(bus, PciLocation.ADDRESS).stream()
        .sorted()
        .filter(name -> isGpu(bus.resolve(name)))
        .toList();
  }

  private static List<Gpu> gpus(Path sysRoot) {
    Path bus = sysRoot.resolve("bus/pci/devices");
    return gpuAddresses(sysRoot).stream().map(name -> gpu(bus.resolve(name))).toList();
  }

  private static Gpu gpu(Path device) {
    return new Gpu(SysFiles.number(device.resolve("numa_node")).orElse(-1), PciLocation.of(device));
  }

  private static boolean isGpu(Path device) {
    int subclass = SysFiles.hexadecimal(device.resolve("class")).orElse(0) >>> SUBCLASS_SHIFT;
    return SysFiles.hexadecimal(device.resolve("vendor")).orElse(0) == NVIDIA
        && (subclass == VGA_CONTROLLER || subclass == CONTROLLER_3D);
  }
}
