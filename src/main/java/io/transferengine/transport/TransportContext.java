// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.config.Settings;
import io.transferengine.memory.RegionTable;
import io.transferengine.metrics.EngineMetrics;

/**
 * What a transport may see of the engine.
 *
 * @param settings the options
 * @param regions the registrations: what peers may touch
 * @param metrics where it counts
 */
public record TransportContext(Settings settings, RegionTable regions, EngineMetrics metrics) {}
