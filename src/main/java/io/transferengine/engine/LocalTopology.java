// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Options;
import io.transferengine.config.Settings;
import io.transferengine.topology.Topology;
import java.nio.file.Path;

/** Finds the network devices that an engine may use. */
final class LocalTopology {
  private LocalTopology() {}

  static Topology of(String deviceName, Settings settings) {
    String file = settings.get(Options.CUSTOM_TOPO_JSON);
    return file.isEmpty() ? Topology.none() : Topology.fromCustomFile(Path.of(file));
  }
}
