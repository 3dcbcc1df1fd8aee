// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.SegmentDescriptor;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
  String mainLocation() {
    return two ? "cuda:0" : super.mainLocation();
  }

  private final class Provider implements TransportProvider {
    private final String name;
    private final int priority;
    private final String engine;
    private final boolean forDevices;

    Provider(String name, int priority, String engine, boolean forDevices) {
      this.name = name;
      this.priority = priority;
      this.engine = engine;
      this.forDevices = forDevices;
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public int priority() {
      return priority;
    }

    @Override
    public Optional<String> unavailabilityCause(TransportContext context) {
      return Optional.empty();
    }

    @Override
    public Transport create(TransportContext context) {
      ReferenceTransport transport =
          new ReferenceTransport(name, context, network) {
            @Override
            public boolean moves(MemoryKind local, MemoryKind peer) {
              return super.moves(local, peer) != forDevices;
            }

            @Override
            public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
              if (forDevices) {
                describeMemory(descriptor, regions);
              }
            }
          };
      made.computeIfAbsent(engine, _ -> new ConcurrentLinkedQueue<>()).add(transport);
      return transport;
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
