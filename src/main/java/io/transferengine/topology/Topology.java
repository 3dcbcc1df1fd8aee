// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import io.transferengine.transfer.ConfigurationException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The priority matrix (protocol section 8): for each kind of memory, such as {@code cpu:0}, the
 * network devices to prefer and those to fall back to. Immutable.
 */
public final class Topology {
  private static final Topology NONE = new Topology(Map.of());

  private final SortedMap<String, DevicePreference> matrix;

  Topology(Map<String, DevicePreference> matrix) {
    this.matrix = new TreeMap<>(Topology::compareBytes);
    this.matrix.putAll(matrix);
  }

  /** {@return the topology of a machine without RDMA devices: an empty matrix} */
  public static Topology none() {
    return NONE;
  }

  /**
   * {@return the topology in {@code file}, which {@code MC_CUSTOM_TOPO_JSON} names}
   *
   * @param file a priority matrix as JSON in UTF-8, at most 1 MiB
   * @throws ConfigurationException if the file cannot be read, is too large, or is not a priority
   *     matrix
   */
  public static Topology fromCustomFile(Path file) {
    return new Topology(TopologyFile.read(file));
  }

  /**
   * {@return the matrix of this machine. For {@code cpu:N} of each NUMA node it prefers the devices
   * of that node. For {@code cuda:I} of each NVIDIA GPU, by ascending PCI address, it prefers the
   * devices of its node that are nearest on the PCI bus, or the nearest of all if its node has
   * none. All other devices are available. Empty without usable devices}
   *
   * @param devices the devices, from {@link RdmaDevices#discover}; unusable ones are left out
   * @param sysRoot {@code /sys}, or a folder that looks like it
   */
  public static Topology discovered(List<RdmaDevice> devices, Path sysRoot) {
    return new Topology(MatrixDiscovery.matrix(devices, sysRoot));
  }

  /**
   * {@return the PCI addresses of the NVIDIA GPUs that sysfs shows, ascending} {@link #discovered}
   * numbers them in this order.
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   */
  public static List<String> gpuAddresses(Path sysRoot) {
    return MatrixDiscovery.gpuAddresses(sysRoot);
  }

  /**
   * {@return this matrix, in which a GPU prefers the devices that are nearest to it} Discovery
   * numbers GPUs by ascending PCI address; a process may see some of them only, in another order
   * ({@code CUDA_VISIBLE_DEVICES}). The same matrix if sysfs does not show the GPU.
   *
   * @param location of its memory, such as {@code cuda:0}
   * @param pciAddress where it is, such as {@code 0000:17:00.0}
   * @param devices from {@link RdmaDevices#discover}; those that are not in this matrix are left
   *     out
   * @param sysRoot {@code /sys}, or a folder that looks like it
   */
  public Topology withGpu(
      String location, String pciAddress, List<RdmaDevice> devices, Path sysRoot) {
    List<String> names = deviceNames();
    List<RdmaDevice> known =
        devices.stream().filter(device -> names.contains(device.name())).toList();
    return MatrixDiscovery.near(known, sysRoot, pciAddress)
        .map(
            near -> {
              Map<String, DevicePreference> changed = new HashMap<>(matrix);
              changed.put(location, near);
              return new Topology(changed);
            })
        .orElse(this);
  }

  /**
   * {@return the devices for memory at {@code location}; if the matrix has none for it, all devices
   * as equals}
   *
   * @param location a kind of memory, such as {@code cpu:0}, or {@code *}
   */
  public DevicePreference devicesFor(String location) {
    DevicePreference devices = matrix.get(location);
    return devices == null || devices.isEmpty()
        ? new DevicePreference(deviceNames(), List.of())
        : devices;
  }

  /**
   * {@return each device once, in the order of the matrix: by key, preferred before available. A
   * device's index in this list is its index in a published segment (protocol section 8)}
   */
  public List<String> deviceNames() {
    Set<String> names = new LinkedHashSet<>();
    for (DevicePreference devices : matrix.values()) {
      names.addAll(devices.preferred());
      names.addAll(devices.available());
    }
    return List.copyOf(names);
  }

  /**
   * {@return this matrix reduced to these devices; empty if none is left}
   *
   * @param names of the devices to keep
   */
  public Topology restrictedTo(Set<String> names) {
    Map<String, DevicePreference> restricted = new HashMap<>();
    matrix.forEach((location, devices) -> restricted.put(location, devices.restrictedTo(names)));
    boolean nothing = restricted.values().stream().allMatch(DevicePreference::isEmpty);
    return nothing ? NONE : new Topology(restricted);
  }

  /** {@return the devices by kind of memory, sorted by the bytes of its name} */
  public Map<String, DevicePreference> matrix() {
    return Collections.unmodifiableMap(matrix);
  }

  /**
   * {@return the matrix as JSON: compact, its keys sorted by their bytes; <code>{}</code> if it is
   * empty}
   */
  public String toJson() {
    return TopologyFile.write(matrix);
  }

  /** UTF-8's order, which differs from that of {@code String} above U+FFFF. */
  private static int compareBytes(String left, String right) {
    return Arrays.compareUnsigned(
        left.getBytes(StandardCharsets.UTF_8), right.getBytes(StandardCharsets.UTF_8));
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Topology that && matrix.equals(that.matrix);
  }

  @Override
  public int hashCode() {
    return matrix.hashCode();
  }

  @Override
  public String toString() {
    return toJson();
  }
}
