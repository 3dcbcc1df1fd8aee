// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.engine.LocalTopology;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.ConfigurationException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * The RDMA devices that an engine would use, and the memory that each is near.
 *
 * @param devices those that pass the filters, usable or not; none if a filter names a device that
 *     does not exist
 * @param topology the priority matrix of the usable ones: discovered, or the custom one
 * @param problem why none is usable; empty if one is
 */
public record LocalDevices(List<RdmaDevice> devices, Topology topology, Optional<String> problem) {
  /** Copies the list. */
  public LocalDevices {
    Objects.requireNonNull(devices, "devices must not be null");
    Objects.requireNonNull(topology, "topology must not be null");
    Objects.requireNonNull(problem, "problem must not be null");
    devices = List.copyOf(devices);
  }

  /**
   * {@return the devices of a machine}
   *
   * @param sysRoot {@code /sys}, or a folder like it in a test
   * @param devRoot {@code /dev}, or a folder like it in a test
   * @param deviceNames names separated by commas, to leave out all others; empty for all
   * @param environment the filters and the port to use, and the custom matrix
   * @throws ConfigurationException if the custom file is not a matrix
   */
  public static LocalDevices find(
      Path sysRoot, Path devRoot, String deviceNames, EngineEnvironment environment) {
    Objects.requireNonNull(sysRoot, "sysRoot must not be null");
    Objects.requireNonNull(devRoot, "devRoot must not be null");
    Objects.requireNonNull(deviceNames, "deviceNames must not be null");
    Objects.requireNonNull(environment, "environment must not be null");
    LocalTopology found = LocalTopology.of(sysRoot, devRoot, deviceNames, environment.settings());
    return new LocalDevices(found.devices(), found.topology(), found.problem());
  }
}
