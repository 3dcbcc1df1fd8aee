// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;

/** The transports of one engine, best first; choosing one for a peer is all it does. */
final class TransportRegistry {
  private final List<Transport> transports;

  /**
   * Of these transports.
   *
   * @param transports the best first
   */
  TransportRegistry(List<Transport> transports) {
    this.transports = new CopyOnWriteArrayList<>(transports);
  }

  /**
   * {@return why a protocol cannot be had here; empty when it can}
   *
   * @param protocol a transport's name
   */
  static Optional<String> unavailabilityCause(List<TransportProvider> providers, String protocol) {
    for (TransportProvider provider : providers) {
      if (provider.name().equals(protocol)) {
        return provider.unavailabilityCause();
      }
    }
    return Optional.of("no transport for '" + protocol + "' is built in yet");
  }

  /**
   * Makes the transports that this machine has; they have opened nothing yet.
   *
   * @param providers what makes them
   * @param unwanted names of those that are left out
   */
  static TransportRegistry create(
      List<TransportProvider> providers, TransportContext context, Set<String> unwanted) {
    List<Transport> made = new ArrayList<>();
    List<String> causes = new ArrayList<>();
    List<TransportProvider> ranked = new ArrayList<>(providers);
    ranked.sort(Comparator.comparingInt(TransportProvider::priority).reversed());
    for (TransportProvider provider : ranked) {
      if (unwanted.contains(provider.name())) {
        continue;
      }
      Optional<String> cause = provider.unavailabilityCause();
      if (cause.isEmpty()) {
        made.add(provider.create(context));
      } else {
        causes.add(provider.name().toUpperCase(Locale.ROOT) + " cannot be used: " + cause.get());
      }
    }
    if (made.isEmpty()) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          causes.isEmpty() ? "No transport is built in" : String.join("; ", causes),
          "Provide what is missing, or ask for another protocol");
    }
    return new TransportRegistry(made);
  }

  /** {@return the providers that this library comes with, or that are on the class path} */
  static List<TransportProvider> builtIn() {
    return Providers.of(TransportProvider.class, TransportRegistry.class.getClassLoader());
  }

  /**
   * Starts all. One that fails is left out when {@code spare} takes it, which it does by returning.
   */
  void start(BiConsumer<Transport, TransferException> spare) {
    for (Transport transport : List.copyOf(transports)) {
      try {
        transport.start();
      } catch (TransferException e) {
        Teardown.step("the transport " + transport.name(), () -> transport.stop(Duration.ZERO));
        spare.accept(transport, e);
        transports.remove(transport);
      }
    }
  }

  void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    transports.forEach(transport -> transport.describe(descriptor, regions));
  }

  long descriptionVersion() {
    return transports.stream().mapToLong(Transport::descriptionVersion).sum();
  }

  /** Registers ranges with all transports or, when one of them fails, with none. */
  void registerAll(List<Region> regions) {
    List<Transport> done = new ArrayList<>(transports.size());
    try {
      for (Transport transport : transports) {
        transport.registerAll(regions);
        done.add(transport);
      }
    } catch (Throwable t) {
      Failures failures = new Failures();
      failures.add(t);
      unregisterAll(done, regions, failures);
      throw t;
    }
  }

  /**
   * Ends ranges at all transports, whatever one of them throws: the first failure is thrown at the
   * end. This may be called again then.
   */
  void unregisterAll(List<Region> regions) {
    Failures failures = new Failures();
    unregisterAll(transports, regions, failures);
    failures.throwIfAny();
  }

  private static void unregisterAll(List<Transport> from, List<Region> regions, Failures failures) {
    for (Transport transport : from) {
      try {
        transport.unregisterAll(regions);
      } catch (Throwable t) {
        failures.add(t);
      }
    }
  }

  Optional<HandshakeDescriptor> connection(InetAddress from, HandshakeDescriptor request) {
    return transports.stream()
        .flatMap(transport -> transport.connection(from, request).stream())
        .findFirst();
  }

  /** {@return whether a transport of that name runs} */
  boolean has(String name) {
    return transports.stream().anyMatch(transport -> transport.name().equals(name));
  }

  /** Gives a task to the next best transport; false when there is none. */
  @SuppressWarnings("ReferenceEquality") // transports have no other
  boolean handOver(Transport from, PeerAddress peer, TransferTask task) {
    for (Transport transport : transports) {
      boolean fit = !task.usesDeviceMemory() || transport.movesDeviceMemory();
      if (fit && transport != from && transport.reaches(peer.descriptor())) {
        transport.submit(peer, task);
        return true;
      }
    }
    return false;
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

  /** {@return a future that fails when one of the transports cannot say; all of them are asked} */
  CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    return CompletableFuture.allOf(
        transports.stream()
            .map(transport -> drainInbound(transport, start, end, grace))
            .toArray(CompletableFuture[]::new));
  }

  private static CompletableFuture<Void> drainInbound(
      Transport transport, long start, long end, Duration grace) {
    try {
      return transport.drainInbound(start, end, grace);
    } catch (Throwable t) {
      return CompletableFuture.failedFuture(t);
    }
  }

  /** Stops all, side by side, in {@code timeout}. */
  void stop(Duration timeout) {
    Teardown all = new Teardown(timeout);
    for (Transport transport : transports) {
      all.beside("the transport " + transport.name(), () -> transport.stop(timeout));
    }
    all.join();
  }
}
