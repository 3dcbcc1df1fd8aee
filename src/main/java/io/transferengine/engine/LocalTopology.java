// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.RdmaOptions;
import io.transferengine.config.Settings;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.topology.RdmaDevices;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.ConfigurationException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The network devices that an engine may use, and the memory that each is near. The command shows
 * them too.
 *
 * @param devices those that pass both filters, usable or not; none if a filter names a device that
 *     does not exist
 * @param topology the matrix of the usable ones: discovered, or the custom one
 * @param problem why none is usable
 */
public record LocalTopology(List<RdmaDevice> devices, Topology topology, Optional<String> problem) {
  private static final Path SYSTEM = Path.of("/sys");
  private static final Path DEVICES = Path.of("/dev");

  /** Copies the list. */
  public LocalTopology {
    devices = List.copyOf(devices);
  }

  /**
   * {@return the devices of this machine}
   *
   * @param deviceName the caller's filter, names separated by commas; empty for all
   * @throws ConfigurationException if the custom file is not a matrix
   */
  static LocalTopology of(String deviceName, Settings settings) {
    return of(SYSTEM, DEVICES, deviceName, settings);
  }

  /**
   * {@return the devices of a machine}
   *
   * @param sysRoot {@code /sys}, or a folder like it in a test
   * @param devRoot {@code /dev}, or a folder like it in a test
   * @param deviceName the caller's filter, names separated by commas; empty for all
   * @throws ConfigurationException if the custom file is not a matrix
   */
  public static LocalTopology of(Path sysRoot, Path devRoot, String deviceName, Settings settings) {
    String file = settings.get(Options.CUSTOM_TOPO_JSON);
    List<RdmaDevice> found = RdmaDevices.discover(sysRoot, devRoot);
    if (found.isEmpty()) {
      // Without devices there is nothing to restrict a custom matrix to: it is shown as it is.
      Topology shown = file.isEmpty() ? Topology.none() : Topology.fromCustomFile(Path.of(file));
      return new LocalTopology(List.of(), shown, Optional.of(RdmaDevices.unusable(found)));
    }
    List<RdmaDevice> chosen;
    try {
      chosen = RdmaDevices.select(found, "the device name", deviceName.replace(" ", ""));
      chosen = RdmaDevices.select(chosen, "MC_TE_FILTERS", settings.get(RdmaOptions.TE_FILTERS));
    } catch (ConfigurationException e) {
      return new LocalTopology(
          List.of(), Topology.none(), Optional.of(String.valueOf(e.getMessage())));
    }
    chosen =
        RdmaDevices.onPort(
            chosen,
            sysRoot,
            settings.get(RdmaOptions.IB_PORT),
            settings.get(RdmaOptions.GID_INDEX));
    Set<String> usable =
        chosen.stream()
            .filter(RdmaDevice::usable)
            .map(RdmaDevice::name)
            .collect(Collectors.toSet());
    Topology topology =
        file.isEmpty()
            ? Topology.discovered(chosen, sysRoot)
            : Topology.fromCustomFile(Path.of(file)).restrictedTo(usable);
    Optional<String> problem =
        topology.matrix().isEmpty() ? Optional.of(RdmaDevices.unusable(chosen)) : Optional.empty();
    return new LocalTopology(chosen, topology, problem);
  }
}
