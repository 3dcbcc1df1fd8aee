// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.topology.GidChoice;
import io.transferengine.topology.GidEntry;
import io.transferengine.topology.GidTable;
import io.transferengine.topology.RdmaDevice;
import io.transferengine.topology.RdmaDevices;
import io.transferengine.topology.RdmaPort;
import java.nio.file.Path;
import java.util.List;

/** A port of an RDMA device and the GID that would be used, in words. */
record PortView(RdmaDevice device, RdmaPort port, GidChoice choice) {
  /** The views of {@code devices}. The port or GID to use may make a device unusable. */
  static List<RdmaDevice> onPort(
      List<RdmaDevice> devices, Path sysRoot, EngineEnvironment environment) {
    return RdmaDevices.onPort(devices, sysRoot, environment.rdmaPort(), environment.gidIndex());
  }

  /** The port that transfers would use, {@code MC_IB_PORT}; "absent" if there is none. */
  static PortView of(RdmaDevice device, Path sysRoot, EngineEnvironment environment) {
    int number = environment.rdmaPort();
    RdmaPort port = device.port(number).orElse(new RdmaPort(number, "absent", "unknown", false));
    return of(device, port, sysRoot, environment);
  }

  static PortView of(
      RdmaDevice device, RdmaPort port, Path sysRoot, EngineEnvironment environment) {
    return new PortView(
        device,
        port,
        GidChoice.choose(
            GidTable.read(sysRoot, device.name(), port.number()), environment.gidIndex()));
  }

  /** {@return the node, or a dash if the kernel does not say} */
  String node() {
    return device.numaNode() < 0 ? "-" : Integer.toString(device.numaNode());
  }

  String gid() {
    return choice.chosen().map(PortView::text).orElse("none");
  }

  /** {@return why the port cannot be used; else why its GID was chosen} */
  String why() {
    return device.unusable().orElse(choice.reason());
  }

  static String text(GidEntry entry) {
    String netdev = entry.netdev().map(name -> ", " + name).orElse("");
    return "%d %s (%s%s)".formatted(entry.index(), entry.gid(), entry.type().text(), netdev);
  }
}
