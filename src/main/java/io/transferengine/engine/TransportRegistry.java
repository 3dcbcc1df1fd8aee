// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.CompletableFuture;

/** The transports of one engine, best first; choosing one for a peer is all it does. */
final class TransportRegistry {
  private final List<Transport> transports;

  private TransportRegistry(List<Transport> transports) {
    this.transports = transports;
  }

  /**
   * {@return why a protocol cannot be had here; empty when it can}
   *
   * @param protocol a transport's name
   */
  static Optional<String> unavailabilityCause(String protocol) {
    for (TransportProvider provider : providers()) {
      if (provider.name().equals(protocol)) {
        return provider.unavailabilityCause();
      }
    }
    return Optional.of("no transport for '" + protocol + "' is built in yet");
  }

  /** Makes the transports that this machine has; they have opened nothing yet. */
  static TransportRegistry create(TransportContext context) {
    List<Transport> made = new ArrayList<>();
    for (TransportProvider provider : providers()) {
      if (provider.unavailabilityCause().isEmpty()) {
        made.add(provider.create(context));
      }
    }
    if (made.isEmpty()) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "No transport is available",
          "Put the Netty jars on the class path, or install what RDMA needs");
    }
    return new TransportRegistry(made);
  }

  private static List<TransportProvider> providers() {
    List<TransportProvider> found = new ArrayList<>();
    ServiceLoader.load(TransportProvider.class, TransportRegistry.class.getClassLoader())
        .forEach(found::add);
    found.sort(Comparator.comparingInt(TransportProvider::priority).reversed());
    return found;
  }

  void start() {
    transports.forEach(Transport::start);
  }

  void describe(SegmentDescriptor.Builder descriptor) {
    transports.forEach(transport -> transport.describe(descriptor));
  }

  /**
   * {@return the best transport that reaches a peer}
   *
   * @throws TransferException when none does
   */
  Transport select(SegmentDescriptor peer) {
    for (Transport transport : transports) {
      if (transport.reaches(peer)) {
        return transport;
      }
    }
    throw TransferException.withPeer(
        peer.name(),
        ErrorCode.METADATA,
        "it offers "
            + peer.protocols()
            + " and no TCP data port, which none of our transports"
            + " reaches",
        "Start the peer with TCP (MC_FORCE_TCP=1 for a C++ engine)",
        null);
  }

  CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    return CompletableFuture.allOf(
        transports.stream()
            .map(transport -> transport.drainInbound(start, end, grace))
            .toArray(CompletableFuture[]::new));
  }

  void stop(Duration timeout) {
    transports.forEach(transport -> transport.stop(timeout));
  }
}
