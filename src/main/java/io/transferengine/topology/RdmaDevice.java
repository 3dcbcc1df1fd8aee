// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * An RDMA device, as sysfs shows it.
 *
 * @param name such as {@code mlx5_0}
 * @param numaNode its NUMA node; -1 if the kernel does not say, which counts as the first node
 * @param pciPath the PCI bridges down to it; empty for a device in software
 * @param ports by ascending number
 * @param verbsNode the device file that programs open, {@code /dev/infiniband/uverbsN}; empty if
 *     the kernel made none
 * @param accessible whether this process may read and write that file
 * @param unusable why the device cannot be used, with the remedy; empty if it can
 */
public record RdmaDevice(
    String name,
    int numaNode,
    Optional<String> pciPath,
    List<RdmaPort> ports,
    Optional<Path> verbsNode,
    boolean accessible,
    Optional<String> unusable) {

  /** Copies the list. */
  public RdmaDevice {
    ports = List.copyOf(ports);
  }

  /** {@return whether a transfer can use it} */
  public boolean usable() {
    return unusable.isEmpty();
  }

  /**
   * {@return the port, if the device has it}
   *
   * @param number the port's number
   */
  public Optional<RdmaPort> port(int number) {
    return ports.stream().filter(port -> port.number() == number).findFirst();
  }

  /** {@return the same device, marked unusable for this reason} */
  RdmaDevice without(String reason) {
    return new RdmaDevice(
        name, numaNode, pciPath, ports, verbsNode, accessible, Optional.of(reason));
  }
}
