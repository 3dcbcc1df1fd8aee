// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * A network device that does RDMA, as sysfs shows it.
 *
 * @param name such as {@code mlx5_0}
 * @param numaNode the node that it is plugged into; -1 where the kernel does not say, which counts
 *     as the first node
 * @param pciPath the PCI bridges down to it; empty for a device in software
 * @param ports by ascending number
 * @param verbsNode the device file that programs open, {@code /dev/infiniband/uverbsN}; empty when
 *     the kernel made none
 * @param accessible whether this process may read and write that file
 * @param unusable why the device cannot be used, with the remedy; empty for one that can
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

  /** {@return whether a transfer can go over it} */
  public boolean usable() {
    return unusable.isEmpty();
  }

  /**
   * {@return the port, if it has it}
   *
   * @param number the port's number
   */
  public Optional<RdmaPort> port(int number) {
    return ports.stream().filter(port -> port.number() == number).findFirst();
  }

  /** {@return the same device, not usable for this reason} */
  RdmaDevice without(String reason) {
    return new RdmaDevice(
        name, numaNode, pciPath, ports, verbsNode, accessible, Optional.of(reason));
  }
}
