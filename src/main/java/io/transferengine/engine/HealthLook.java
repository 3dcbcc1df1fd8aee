// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.EngineHealth;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import java.util.ArrayList;
import java.util.List;

/** What an engine knows to be wrong with itself. Asks nobody, and waits for nothing. */
final class HealthLook {
  private HealthLook() {}

  static EngineHealth of(TransportRegistry transports, Registry registry, EngineMetrics metrics) {
    List<EngineHealth.Problem> problems = new ArrayList<>(transports.problems());
    registry.problem().ifPresent(problems::add);
    long forced = metrics.count(Counter.LAST_RESORTS);
    if (forced > 0) {
      problems.add(
          new EngineHealth.Problem(
              forced + " steps were taken by force because a transfer was not settled in time",
              "This is a mistake in the engine: report it with the log"));
    }
    return EngineHealth.of(problems);
  }
}
