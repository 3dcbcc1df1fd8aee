// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.transport.TransportProvider;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * The transport of the tests; or two of them, one for host memory and one for all other: then the
 * large registrations count as memory of a device, and batches over both are split.
 */
final class ReferenceSetup extends TransportSetup {
  private final ReferenceTransport.Network network = new ReferenceTransport.Network();
  private final Map<String, Queue<ReferenceTransport>> made = new ConcurrentHashMap<>();
  private final boolean two;

  ReferenceSetup(boolean two) {
    super(ReferenceTransport.NAME, Map.of());
    this.two = two;
  }

  @Override
  List<TransportProvider> providers(String engine) {
    return two
        ? List.of(provider(engine), new Provider("second", 500, engine, true))
        : super.providers(engine);
  }

  @Override
  TransportProvider provider(String engine) {
    return new Provider(ReferenceTransport.NAME, 1000, engine, false);
  }

  @Override
  String mainLocation(String engine) {
    return two ? "cuda:0" : super.mainLocation(engine);
  }

  private final class Provider extends ReferenceProvider {
    private final String engine;
    private final boolean forDevices;

    Provider(String name, int priority, String engine, boolean forDevices) {
      super(name, priority, network);
      this.engine = engine;
      this.forDevices = forDevices;
    }

    @Override
    boolean moves(boolean byItself) {
      return byItself != forDevices;
    }

    @Override
    boolean describesMemory() {
      return forDevices;
    }

    @Override
    void made(ReferenceTransport transport) {
      made.computeIfAbsent(engine, _ -> new ConcurrentLinkedQueue<>()).add(transport);
    }
  }

  @Override
  void stallAfter(long bytes) {
    network.stallAfter(bytes);
  }

  @Override
  boolean isStalled() {
    return network.isStalled();
  }

  @Override
  void resume() {
    network.resume();
  }

  @Override
  void kill(String engine) {
    made.getOrDefault(engine, new ConcurrentLinkedQueue<>()).forEach(ReferenceTransport::leave);
  }

  @Override
  public void close() {}
}
