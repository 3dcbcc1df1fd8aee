// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.config.Settings;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.EngineMetrics;
import io.transferengine.topology.Topology;

/**
 * What a transport may see of the engine.
 *
 * @param settings the options
 * @param regions the registrations: what peers may touch
 * @param metrics where it counts
 * @param topology the network devices that may be used, and which memory they are near to
 * @param peers how it speaks to peers' engines
 */
public record TransportContext(
    Settings settings,
    RegionTable regions,
    EngineMetrics metrics,
    Topology topology,
    PeerLink peers) {}
