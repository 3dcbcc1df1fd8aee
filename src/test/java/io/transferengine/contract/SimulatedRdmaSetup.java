// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.engine.LocalTopology;
import io.transferengine.topology.Topology;
import io.transferengine.transport.TransportProvider;
import io.transferengine.transport.rdma.SimulatedRdmaProvider;
import io.transferengine.verbs.SimulatedDevice;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedFaults;
import io.transferengine.verbs.SimulatedVerbs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** RDMA over simulated devices, two in each engine. */
final class SimulatedRdmaSetup extends TransportSetup {
  private static final List<String> DEVICES = List.of("sim0", "sim1");

  private final SimulatedFabric fabric;
  private final Map<String, SimulatedVerbs> processes = new HashMap<>();

  SimulatedRdmaSetup(long seed) {
    super("rdma", Map.of());
    fabric = new SimulatedFabric(seed);
  }

  @Override
  TransportProvider provider(String engine) {
    SimulatedVerbs verbs = fabric.process(engine, DEVICES);
    processes.put(engine, verbs);
    return new SimulatedRdmaProvider(verbs);
  }

  SimulatedFaults faults() {
    return fabric.faults();
  }

  /** {@return an engine's process, which has to be open} */
  SimulatedVerbs process(String engine) {
    return Optional.ofNullable(processes.get(engine)).orElseThrow();
  }

  List<SimulatedDevice> devices(String engine) {
    return DEVICES.stream().map(process(engine)::device).toList();
  }

  @Override
  LocalTopology devices() {
    return devices(DEVICES);
  }

  /** {@return a machine where those are the preferred ones for all memory} */
  static LocalTopology devices(List<String> names) {
    try {
      Path file = Files.createTempFile("te-topology", ".json");
      try {
        Files.writeString(file, "{\"cpu:0\":[[\"" + String.join("\",\"", names) + "\"],[]]}");
        return new LocalTopology(List.of(), Topology.fromCustomFile(file), Optional.empty());
      } finally {
        Files.delete(file);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  void stallAfter(long bytes) {
    fabric.faults().holdAfter(bytes);
  }

  @Override
  boolean isStalled() {
    return fabric.faults().isHeld();
  }

  @Override
  void resume() {
    fabric.faults().release();
  }

  @Override
  void kill(String engine) {
    SimulatedVerbs verbs = processes.get(engine);
    if (verbs != null) {
      verbs.crash();
    }
  }

  @Override
  public void close() {
    try {
      assertThat(fabric.violations()).isEmpty();
      assertThat(fabric.openHandles()).isEmpty();
    } finally {
      fabric.close();
    }
  }
}
