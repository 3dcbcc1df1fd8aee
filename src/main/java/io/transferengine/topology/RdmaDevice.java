// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An RDMA device, as sysfs shows it. Immutable; devices that look the same are equal. */
public final class RdmaDevice {
  private final String name;
  private final int numaNode;
  private final @Nullable String pciPath;
  private final List<RdmaPort> ports;
  private final @Nullable Path verbsNode;
  private final boolean accessible;
  private final @Nullable String unusable;

  RdmaDevice(
      String name,
      int numaNode,
      Optional<String> pciPath,
      List<RdmaPort> ports,
      Optional<Path> verbsNode,
      boolean accessible,
      Optional<String> unusable) {
    this.name = name;
    this.numaNode = numaNode;
    this.pciPath = pciPath.orElse(null);
    this.ports = List.copyOf(ports);
    this.verbsNode = verbsNode.orElse(null);
    this.accessible = accessible;
    this.unusable = unusable.orElse(null);
  }

  /** {@return its name, such as {@code mlx5_0}} */
  public String name() {
    return name;
  }

  /** {@return its NUMA node; -1 if the kernel does not say, which counts as the first node} */
  public int numaNode() {
    return numaNode;
  }

  /** {@return the PCI bridges down to it; empty for a device in software} */
  public Optional<String> pciPath() {
    return Optional.ofNullable(pciPath);
  }

  /** {@return its ports by ascending number; cannot be changed} */
  public List<RdmaPort> ports() {
    return ports;
  }

  /**
   * {@return the device file that programs open, {@code /dev/infiniband/uverbsN}; empty if the
   * kernel made none}
   */
  public Optional<Path> verbsNode() {
    return Optional.ofNullable(verbsNode);
  }

  /** {@return whether this process may read and write that file} */
  public boolean accessible() {
    return accessible;
  }

  /** {@return why the device cannot be used, with the remedy; empty if it can} */
  public Optional<String> unusable() {
    return Optional.ofNullable(unusable);
  }

  /** {@return whether a transfer can use it} */
  public boolean usable() {
    return unusable == null;
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
        name, numaNode, pciPath(), ports, verbsNode(), accessible, Optional.of(reason));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof RdmaDevice that
        && Objects.equals(name, that.name)
        && numaNode == that.numaNode
        && Objects.equals(pciPath, that.pciPath)
        && Objects.equals(ports, that.ports)
        && Objects.equals(verbsNode, that.verbsNode)
        && accessible == that.accessible
        && Objects.equals(unusable, that.unusable);
  }

  @Override
  public int hashCode() {
    return Objects.hash(name, numaNode, pciPath, ports, verbsNode, accessible, unusable);
  }

  /** {@return its name, and why it cannot be used} */
  @Override
  public String toString() {
    return unusable == null ? name : name + " (" + unusable + ")";
  }
}
