// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.SegmentDescriptor;
import java.util.List;
import java.util.Optional;

/** Offers the transport of the tests under any name, here and everywhere. */
class ReferenceProvider implements TransportProvider {
  private final String name;
  private final int priority;
  private final ReferenceTransport.Network network;

  ReferenceProvider(String name, int priority, ReferenceTransport.Network network) {
    this.name = name;
    this.priority = priority;
    this.network = network;
  }

  /** {@return whether it moves what the transport by itself does or does not} */
  boolean moves(boolean byItself) {
    return byItself;
  }

  /** {@return whether it says where memory is, as RDMA does and whatever moves a device's must} */
  boolean describesMemory() {
    return false;
  }

  /** A transport of it was made. */
  void made(ReferenceTransport transport) {}

  /** One is about to start; may throw. */
  void starting() {}

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
  public final Transport create(TransportContext context) {
    ReferenceTransport transport =
        new ReferenceTransport(name, context, network) {
          @Override
          public void start() {
            starting();
            super.start();
          }

          @Override
          public boolean moves(MemoryKind local, MemoryKind peer) {
            return ReferenceProvider.this.moves(super.moves(local, peer));
          }

          @Override
          public void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
            if (describesMemory()) {
              describeMemory(descriptor, regions);
            }
          }
        };
    made(transport);
    return transport;
  }
}
