// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;

/**
 * Two processes with two simulated devices each, and the engines that a test opens there. In the
 * end nothing of them is left. A seed replays a test, {@code -Dseed=}.
 */
abstract class SimulatedPair {
  final SimulatedFabric fabric = new SimulatedFabric(seed());
  final SimulatedVerbs left = fabric.process("left", List.of("sim0", "sim1"));
  final SimulatedVerbs right = fabric.process("right", List.of("sim0", "sim1"));
  final Random random = new Random(fabric.seed());

  /** Closed behind the engines, which may have its memory registered. */
  final Arena arena = Arena.ofShared();

  final List<SimulatedEngine> engines = new ArrayList<>();

  private long seed() {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println(getClass().getSimpleName() + ": replay with -Dseed=" + seed);
    return seed;
  }

  @AfterEach
  final void nothingIsLeft() {
    engines.forEach(SimulatedEngine::close);
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
    arena.close();
  }

  final SimulatedEngine open(SimulatedVerbs verbs, String... devices) {
    return open(verbs, Map.of(), devices);
  }

  final SimulatedEngine open(SimulatedVerbs verbs, Map<String, String> options, String... devices) {
    SimulatedEngine engine = new SimulatedEngine(verbs, List.of(devices), options);
    engines.add(engine);
    return engine;
  }
}
