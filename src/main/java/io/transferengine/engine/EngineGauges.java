// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.EngineEvent;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.recording.EngineMetrics;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.ObjLongConsumer;

/**
 * What an engine holds at the moment. It is looked at when somebody asks, so that nothing has to be
 * counted up and down while bytes move, and no gauge can go astray. Takes no lock for long.
 */
final class EngineGauges {
  private final LocalMemory memory;
  private final ActiveTransfers active;
  private final TransportRegistry transports;

  EngineGauges(LocalMemory memory, ActiveTransfers active, TransportRegistry transports) {
    this.memory = memory;
    this.active = active;
    this.transports = transports;
  }

  /** {@return those that are measured; the others are missing} */
  Map<Gauge, Long> measured() {
    Map<Gauge, Long> found = new EnumMap<>(Gauge.class);
    ObjLongConsumer<Gauge> to = (gauge, value) -> found.merge(gauge, value, Long::sum);
    active.measure(to);
    memory.measure(to);
    memory.regions().forEach(region -> measure(region, to));
    transports.measure(to);
    return found;
  }

  /** Tells who wants to know, if anybody, that regions were registered or unregistered. */
  static void tell(EngineMetrics metrics, EngineEvent.Kind kind, List<Region> regions) {
    if (metrics.wantsMemory()) {
      long bytes = 0;
      for (Region region : regions) {
        bytes += region.length();
      }
      metrics.memory(kind, regions.size(), bytes);
    }
  }

  private static void measure(Region region, ObjLongConsumer<Gauge> to) {
    if (region.owner() == Region.Owner.APPLICATION) {
      to.accept(Gauge.REGISTRATIONS, 1);
      to.accept(
          region.kind().isHost() ? Gauge.REGISTERED_BYTES_HOST : Gauge.REGISTERED_BYTES_DEVICE,
          region.length());
    }
  }
}
