// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.device.Devices;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.LocalTopology;
import io.transferengine.topology.Topology;
import io.transferengine.transport.TransportProvider;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Opens whole engines that have one transport, as a rule, and does to the way between them what the
 * contract asks for. Made anew for each test.
 */
abstract class TransportSetup implements AutoCloseable {
  private final String protocol;
  private final Map<String, String> variables;

  /**
   * @param protocol what engines are opened with
   * @param variables their options, as in the environment
   */
  TransportSetup(String protocol, Map<String, String> variables) {
    this.protocol = protocol;
    this.variables = Map.copyOf(variables);
  }

  /**
   * Opens an engine on the loopback.
   *
   * @param name tells it from the others
   */
  final EngineCore open(String name) {
    Map<String, String> options = new HashMap<>(variables);
    options.put("MC_TRANSFER_TIMEOUT", "60");
    EngineCore opened =
        LoopbackEngine.open(protocol, options, providers(name), devices(), gpus(name));
    prepare(name, opened);
    return opened;
  }

  /** Does what an engine needs beside what it moves. */
  void prepare(String engine, EngineCore opened) {}

  final Map<String, String> variables() {
    return variables;
  }

  List<TransportProvider> providers(String engine) {
    return List.of(provider(engine));
  }

  abstract TransportProvider provider(String engine);

  /** {@return the location that the large registration of an engine is said to be at} */
  String mainLocation(String engine) {
    return "*";
  }

  /**
   * {@return where the large registration of an engine is, with what is around it, if that is not
   * host memory; else 0}
   *
   * @param contents what is there
   */
  long deviceAddress(String engine, MemorySegment contents) {
    return 0;
  }

  /** {@return whether a peer that refuses a range can say that it does} */
  boolean saysWhatItRefuses() {
    return true;
  }

  /** {@return how many blocks a large batch has: a multiple of 1000} */
  int manyBlocks() {
    return 100_000;
  }

  /** {@return the devices that an engine may have memory of} */
  Devices gpus(String engine) {
    return new Devices();
  }

  LocalTopology devices() {
    return new LocalTopology(
        List.of(), Topology.none(), Optional.of("this machine has no network devices"));
  }

  /**
   * Lets some more bytes pass between the engines, and none behind them until {@link #resume}; how
   * exactly, depends on what they move in one piece. Handshakes still pass.
   */
  abstract void stallAfter(long bytes);

  /** {@return whether nothing passes any more} */
  abstract boolean isStalled();

  /** Lets everything pass. */
  abstract void resume();

  /**
   * Ends an engine's process, as far as the transport of its peers can tell: without an answer. The
   * caller closes the engine behind it.
   */
  abstract void kill(String engine);

  /** Finds that nothing is left of the engines, which are closed. */
  @Override
  public abstract void close();
}
