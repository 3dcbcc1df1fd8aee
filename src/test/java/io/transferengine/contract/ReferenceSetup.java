// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/** The transport of the tests. */
final class ReferenceSetup extends TransportSetup {
  private final ReferenceTransport.Network network = new ReferenceTransport.Network();
  private final Map<String, ReferenceTransport> made = new ConcurrentHashMap<>();

  ReferenceSetup() {
    super(ReferenceTransport.NAME, Map.of());
  }

  @Override
  TransportProvider provider(String engine) {
    return new TransportProvider() {
      @Override
      public String name() {
        return ReferenceTransport.NAME;
      }

      @Override
      public int priority() {
        return 1000;
      }

      @Override
      public Optional<String> unavailabilityCause(TransportContext context) {
        return Optional.empty();
      }

      @Override
      public Transport create(TransportContext context) {
        ReferenceTransport transport = new ReferenceTransport(context, network);
        made.put(engine, transport);
        return transport;
      }
    };
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
    ReferenceTransport transport = made.get(engine);
    if (transport != null) {
      transport.leave();
    }
  }

  @Override
  public void close() {}
}
