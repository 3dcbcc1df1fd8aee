// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static java.util.stream.Collectors.joining;

import io.transferengine.access.PeerIdentity;
import io.transferengine.config.TransportPolicy;
import io.transferengine.events.EngineHealth;
import io.transferengine.logging.Failures;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Gauge;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.wire.HandshakeDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.ObjLongConsumer;
import java.util.stream.Stream;

/**
 * The transports of one engine, best first. It chooses the ones for a peer. The {@link
 * TransportPolicy} of a transport says whether it is used, required or left out.
 */
final class TransportRegistry {
  private final List<Ranked> transports;
  private final TransportChoice choice;

  /** A transport and its policy. */
  record Ranked(Transport transport, TransportPolicy policy) {}

  TransportRegistry(List<Ranked> transports, TransportChoice choice) {
    this.transports = new CopyOnWriteArrayList<>(transports);
    this.choice = choice;
  }

  /** {@return the providers in this library and on the class path} */
  static List<TransportProvider> builtIn() {
    return Providers.of(TransportProvider.class, TransportRegistry.class.getClassLoader());
  }

  /** {@return providers, the most preferred first} */
  static List<TransportProvider> ranked(List<TransportProvider> providers) {
    return providers.stream()
        .sorted(Comparator.comparingInt(TransportProvider::priority).reversed())
        .toList();
  }

  /** {@return the names of providers, in their order} */
  static List<String> names(List<TransportProvider> providers) {
    return providers.stream().map(TransportProvider::name).toList();
  }

  /**
   * Makes the transports that are available and allowed; they have opened nothing yet.
   *
   * @param ranked their providers, best first
   * @param policies by name
   * @throws TransferException if a required one is absent, or all are
   */
  static TransportRegistry create(
      List<TransportProvider> ranked,
      Map<String, TransportPolicy> policies,
      TransportContext context,
      TransportChoice choice) {
    List<Ranked> made = new ArrayList<>();
    for (TransportProvider provider : ranked) {
      String name = provider.name();
      TransportPolicy policy = policies.getOrDefault(name, TransportPolicy.DEFAULT);
      if (policy.use() == TransportPolicy.Use.NEVER) {
        continue;
      }
      TransportContext own = context.with(policy);
      Optional<String> cause = provider.unavailabilityCause(own);
      if (cause.isEmpty()) {
        made.add(new Ranked(provider.create(own), policy));
      } else {
        choice.isAbsent(name, policy, cause.get(), null);
      }
    }
    // One that nobody misses leads to some peers only, unless it is all that is wanted.
    if (made.stream().noneMatch(each -> each.policy.missed() || each.policy.isRequired())) {
      throw choice.noneIsLeft();
    }
    // One that nobody misses is beside the others, and taken instead of none.
    made.stream()
        .filter(each -> each.policy.missed())
        .findFirst()
        .ifPresent(each -> choice.isTakenInstead(each.transport.name()));
    return new TransportRegistry(made, choice);
  }

  /**
   * Starts all. One that fails is left out, if there is a lower-ranked one.
   *
   * @throws TransferException if there is none, or the failed one is required
   */
  void start() {
    for (Ranked each : List.copyOf(transports)) {
      try {
        each.transport.start();
      } catch (TransferException e) {
        each.transport.stop(Duration.ZERO);
        choice.isAbsent(each.transport.name(), each.policy, String.valueOf(e.getMessage()), e);
        int next = transports.indexOf(each) + 1;
        if (next == transports.size()) {
          throw choice.noneIsLeft();
        }
        choice.isTakenInstead(transports.get(next).transport.name());
        transports.remove(each);
      }
    }
  }

  /** {@return whether one of them has other processes map our memory} */
  boolean wantsSharedMemory() {
    return all().anyMatch(Transport::wantsSharedMemory);
  }

  /** What has arrived in our memory is seen when this returns. */
  void awaitArrivals() {
    for (Ranked each : transports) {
      each.transport.awaitArrivals();
    }
  }

  private Stream<Transport> all() {
    return transports.stream().map(Ranked::transport);
  }

  void describe(SegmentDescriptor.Builder descriptor, List<Region> regions) {
    transports.reversed().forEach(each -> each.transport.describe(descriptor, regions));
  }

  long descriptionVersion() {
    return all().mapToLong(Transport::descriptionVersion).sum();
  }

  /** Registers ranges with all transports, or with none if one of them fails. */
  void registerAll(List<Region> regions) {
    List<Transport> done = new ArrayList<>(transports.size());
    try {
      for (Ranked each : transports) {
        if (registers(each, regions)) {
          done.add(each.transport);
        }
      }
    } catch (Throwable t) {
      Failures failures = new Failures();
      failures.add(t);
      unregisterAll(done, regions, failures);
      throw t;
    }
  }

  /** {@return false if it is not required and goes without them, as others move such memory} */
  @SuppressWarnings("ReferenceEquality") // transports have no other
  private boolean registers(Ranked which, List<Region> regions) {
    Transport transport = which.transport;
    try {
      transport.registerAll(regions);
      return true;
    } catch (TransferException e) {
      List<MemoryKind> kinds = regions.stream().map(Region::kind).distinct().toList();
      Optional<Transport> other =
          all()
              .filter(each -> each != transport)
              .filter(each -> kinds.stream().allMatch(kind -> moves(each, kind)))
              .findFirst();
      if (which.policy.isRequired() || !transport.mayGoWithout(regions) || other.isEmpty()) {
        throw e;
      }
      choice.goesWithout(transport.name(), other.get().name(), kinds.toString(), e);
      return false;
    }
  }

  private static boolean moves(Transport transport, MemoryKind kind) {
    MemoryKind host = MemoryKind.host();
    return transport.moves(kind, host) || transport.moves(kind, kind);
  }

  /**
   * Ends ranges at all transports, whatever one of them throws. The first failure is thrown at the
   * end; then this may be called again.
   */
  void unregisterAll(List<Region> regions) {
    Failures failures = new Failures();
    unregisterAll(all().toList(), regions, failures);
    failures.throwIfAny();
  }

  private static void unregisterAll(List<Transport> from, List<Region> regions, Failures failures) {
    from.forEach(transport -> failures.attempt(() -> transport.unregisterAll(regions)));
  }

  Optional<HandshakeDescriptor> connection(PeerIdentity from, HandshakeDescriptor request) {
    return all().flatMap(transport -> transport.connection(from, request).stream()).findFirst();
  }

  /**
   * {@return whether any of them moves memory of a kind, be it to or from host memory or its like}
   *
   * @throws TransferException that says why not, if one of them knows
   */
  boolean moves(MemoryKind kind) {
    boolean moves = all().anyMatch(each -> moves(each, kind));
    if (!moves) {
      all()
          .flatMap(each -> each.whyNotMoved(kind).stream())
          .findFirst()
          .ifPresent(
              why -> {
                throw why;
              });
    }
    return moves;
  }

  /** {@return what is wrong with those that run, and which are missed} */
  List<EngineHealth.Problem> problems() {
    return Stream.concat(
            choice.problems().stream(), all().flatMap(each -> each.problems().stream()))
        .toList();
  }

  /** Measures what they have open. */
  void measure(ObjLongConsumer<Gauge> to) {
    all().forEach(transport -> transport.measure(to));
  }

  /** {@return the names of those that run, the best first} */
  List<String> names() {
    return all().map(Transport::name).toList();
  }

  /** {@return the names of those that reach a peer, the best first} */
  List<String> reaching(SegmentDescriptor peer) {
    return all().filter(each -> each.reaches(peer)).map(Transport::name).toList();
  }

  /** {@return their names, for a sentence} */
  String shownNames() {
    return all().map(each -> TransportPolicy.shown(each.name())).collect(joining(" and "));
  }

  /**
   * Gives a task to the next transport, unless its present one is required, or one between them.
   *
   * @return the name of the new transport; empty if the task stays
   */
  @SuppressWarnings("ReferenceEquality") // transports have no other
  Optional<String> handOver(Transport from, PeerAddress peer, TransferTask task) {
    for (Ranked each : transports) {
      if (each.transport == from && each.policy.isRequired()) {
        return Optional.empty();
      }
    }
    for (Ranked each : transports) {
      Transport transport = each.transport;
      boolean fit = task.pairs().notMoved(transport::moves).isEmpty() && transport.takes(task);
      if (fit && transport != from && transport.reaches(peer.descriptor())) {
        task.givenTo(transport.name());
        transport.submit(peer, task);
        return Optional.of(transport.name());
      }
      if (each.policy.isRequired()) {
        break;
      }
    }
    return Optional.empty();
  }

  /**
   * {@return the transports that reach a peer and may be used for it, best first; at least one}
   *
   * @throws TransferException if none does, or a better one is required
   */
  List<Transport> select(SegmentDirectory.Found found) {
    SegmentDescriptor peer = found.descriptor();
    List<Ranked> better = new ArrayList<>();
    for (Ranked each : transports) {
      if (each.transport.reaches(peer)) {
        missed(better)
            .ifPresent(
                missed ->
                    choice.isReachedOver(
                        each.transport.name(),
                        peer,
                        missed.transport.name(),
                        missed.policy,
                        nameThatBars(missed, found)));
        return thoseFrom(each, peer);
      }
      better.add(each);
    }
    for (Ranked each : transports) {
      Optional<String> name = nameThatBars(each, found);
      if (name.isPresent()) {
        throw TransportChoice.misnamed(peer, name.get(), each.transport.name());
      }
    }
    throw TransferException.withPeer(
        peer.name(),
        ErrorCode.METADATA,
        "it offers "
            + peer.protocols()
            + ", which none of our transports ("
            + shownNames()
            + ") reaches",
        transports.getLast().transport.howToOffer(),
        null);
  }

  /** The best one and those below it that reach the peer, none of them below a required one. */
  private List<Transport> thoseFrom(Ranked best, SegmentDescriptor peer) {
    List<Transport> usable = new ArrayList<>();
    for (Ranked each : transports.subList(transports.indexOf(best), transports.size())) {
      if (each.transport.reaches(peer)) {
        usable.add(each.transport);
      }
      if (each.policy.isRequired()) {
        break;
      }
    }
    return usable;
  }

  /** Of those that do not reach a peer, the one to report. */
  private static Optional<Ranked> missed(List<Ranked> better) {
    return better.stream()
        .filter(each -> each.policy.isRequired())
        .findFirst()
        .or(() -> better.stream().filter(each -> each.policy.missed()).findFirst());
  }

  /** The peer's name for itself, if a transport would reach the peer under another one. */
  private static Optional<String> nameThatBars(Ranked each, SegmentDirectory.Found found) {
    return found
        .misnamed()
        .filter(misnamed -> each.transport.reaches(misnamed.said()))
        .map(SegmentDirectory.Misnamed::name);
  }

  CompletableFuture<Void> drainInbound(long start, long end, Duration grace) {
    return CompletableFuture.allOf(
        all()
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
    Teardown steps = new Teardown(timeout);
    for (Ranked each : transports) {
      try {
        steps.beside(each.transport.name(), new Stop(each.transport, timeout));
      } catch (Throwable noMemory) {
        stop(each.transport, timeout);
      }
    }
    steps.join();
  }

  private static void stop(Transport transport, Duration timeout) {
    try {
      transport.stop(timeout);
    } catch (Throwable t) {
      Teardown.failed(transport.name(), t);
    }
  }

  private record Stop(Transport transport, Duration timeout) implements Runnable {
    @Override
    public void run() {
      transport.stop(timeout);
    }
  }
}
