// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.LatencyHistogram;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The write side of an engine's figures. Thread-safe; writing never blocks and allocates nothing,
 * except for the first call of {@link #peer} with a name.
 */
public final class EngineMetrics {
  /** As much of a peer's name as a line of the log has. */
  private static final int PEER_LENGTH_MAX = 300;

  // The maps and the array are filled here and never change afterwards; their adders do.
  private final Map<Counter, LongAdder> counters = adders(Counter.class);
  private final Map<Gauge, LongAdder> gauges = adders(Gauge.class);
  private final Map<FailureCause, LongAdder> failures = adders(FailureCause.class);
  private final LongAdder[] latencies =
      Stream.generate(LongAdder::new)
          .limit(LatencyHistogram.bucketCount())
          .toArray(LongAdder[]::new);
  private final ConcurrentMap<String, PeerMetrics> peers = new ConcurrentHashMap<>();
  private final Semaphore peersLeft = new Semaphore(MetricsSnapshot.PEER_LIMIT);
  private final PeerMetrics otherPeers = new PeerMetrics();
  private final EventQueue events;

  /** All figures start at zero. */
  public EngineMetrics() {
    LongAdder omitted = adder(counters, Counter.EVENTS_OMITTED);
    events = new EventQueue(omitted::increment);
    if (FlightRecorder.IS_THERE) {
      EventRecords.load();
    }
  }

  /** {@return what tells listeners of events} */
  public EventQueue events() {
    return events;
  }

  /**
   * Adds to a counter.
   *
   * @param counter which one
   * @param amount in the counter's unit, 0 or more
   */
  public void add(Counter counter, long amount) {
    adder(counters, counter).add(amount);
  }

  /**
   * Adds one to a counter.
   *
   * @param counter which one
   */
  public void increment(Counter counter) {
    adder(counters, counter).increment();
  }

  /**
   * Adds one to a counter, and tells listeners of an event that is about no transport.
   *
   * @param peer whom it is about, as in {@link #happened(EngineEvent.Kind, Counter, String, Object,
   *     Object)}
   */
  public void happened(EngineEvent.Kind kind, Counter counter, Object peer, Object what) {
    happened(kind, counter, "", peer, what);
  }

  /**
   * As above, for what takes time.
   *
   * @param nanos how long it took
   */
  public void happened(
      EngineEvent.Kind kind, Counter counter, Object peer, Object what, long nanos) {
    increment(counter);
    record(kind, counter, "", peer, what, nanos, 0);
    if (events.isHeard()) {
      tell(kind, counter, "", peer, what, nanos);
    }
  }

  /**
   * Adds one to a counter, and tells listeners why. Throws nothing.
   *
   * @param kind of the event
   * @param counter which one
   * @param transport its name; empty if it is about none
   * @param peer whom it is about; asked for its text only if somebody listens, as is {@code what}
   * @param what what has happened; may quote strangers
   */
  public void happened(
      EngineEvent.Kind kind, Counter counter, String transport, Object peer, Object what) {
    increment(counter);
    record(kind, counter, transport, peer, what, 0, 0);
    if (events.isHeard()) {
      tell(kind, counter, transport, peer, what, 0);
    }
  }

  private static void record(
      EngineEvent.Kind kind,
      @Nullable Counter counter,
      String transport,
      Object peer,
      Object what,
      long nanos,
      long bytes) {
    if (!FlightRecorder.IS_THERE) {
      return;
    }
    try {
      EventRecords.record(kind, counter, transport, peer, what, nanos, bytes);
    } catch (Throwable unrecorded) {
      // No memory for it. It is counted.
    }
  }

  private void tell(
      EngineEvent.Kind kind,
      Counter counter,
      String transport,
      Object peer,
      Object what,
      long nanos) {
    try {
      if (events.isSpent(counter)) {
        // Before the texts are made: strangers decide how many there are.
        increment(Counter.EVENTS_OMITTED);
        return;
      }
      events.tell(
          EngineEvent.builder(kind)
              .counter(counter)
              .transport(transport)
              .peer(Printable.of(String.valueOf(peer), PEER_LENGTH_MAX))
              .what(Words.of(what))
              .nanos(nanos)
              .build());
    } catch (Throwable t) {
      // No memory for the texts.
      increment(Counter.EVENTS_OMITTED);
    }
  }

  /** {@return whether anybody wants to be told of {@link #memory}} Cheap. */
  public boolean wantsMemory() {
    return events.isHeard() || (FlightRecorder.IS_THERE && EventRecords.wantsMemory());
  }

  /**
   * Tells listeners and a recording of registrations. Throws nothing.
   *
   * @param kind REGISTERED or UNREGISTERED
   * @param ranges how many
   * @param bytes of all of them
   */
  public void memory(EngineEvent.Kind kind, int ranges, long bytes) {
    record(kind, null, "", "", ranges, 0, bytes);
    if (!events.isHeard()) {
      return;
    }
    try {
      events.tell(
          EngineEvent.builder(kind)
              .what(ranges + (ranges == 1 ? " range" : " ranges"))
              .bytes(bytes)
              .build());
    } catch (Throwable t) {
      increment(Counter.EVENTS_OMITTED);
    }
  }

  /** {@return another number whenever something was counted} Cheap, to be asked now and then. */
  public long changes() {
    long sum = 0;
    for (LongAdder each : counters.values()) {
      sum += each.sum();
    }
    return sum;
  }

  /** {@return what a counter has come to} */
  public long count(Counter counter) {
    return adder(counters, counter).sum();
  }

  /**
   * Changes a gauge.
   *
   * @param gauge which one
   * @param difference in the gauge's unit, below 0 for less
   */
  public void change(Gauge gauge, long difference) {
    adder(gauges, gauge).add(difference);
  }

  /**
   * Counts one transfer that did not complete. The caller counts the matching {@link Counter}.
   *
   * @param cause why, as the submitter is told
   */
  public void failed(FailureCause cause) {
    adder(failures, cause).increment();
  }

  /**
   * Records how long a completed transfer took, from its submission.
   *
   * @param nanos in nanoseconds; below zero counts as zero
   */
  public void recordLatencyNanos(long nanos) {
    latencies[LatencyHistogram.bucketOf(nanos)].increment();
  }

  /**
   * {@return the figures of {@code name}, or those of all other peers when there are too many}
   *
   * @param name a peer's segment
   */
  public PeerMetrics peer(String name) {
    PeerMetrics known = peers.get(name);
    if (known != null) {
      return known;
    }
    if (name.equals(MetricsSnapshot.OTHER_PEERS) || !peersLeft.tryAcquire()) {
      return peers.getOrDefault(name, otherPeers);
    }
    PeerMetrics made = new PeerMetrics();
    PeerMetrics raced = peers.putIfAbsent(name, made);
    if (raced != null) {
      peersLeft.release();
      return raced;
    }
    return made;
  }

  /** {@return all figures now} */
  public MetricsSnapshot snapshot() {
    return snapshot(Map.of());
  }

  /**
   * {@return all figures now}
   *
   * @param measured what was measured for this, to be added to gauges
   */
  public MetricsSnapshot snapshot(Map<Gauge, Long> measured) {
    MetricsSnapshot.Builder snapshot = MetricsSnapshot.builder();
    counters.forEach((counter, adder) -> snapshot.counter(counter, adder.sum()));
    gauges.forEach(
        (gauge, adder) -> snapshot.gauge(gauge, adder.sum() + measured.getOrDefault(gauge, 0L)));
    failures.forEach((cause, adder) -> snapshot.failures(cause, adder.sum()));
    peers.forEach((name, peer) -> snapshot.peer(name, peer.snapshot()));
    PeerSnapshot others = otherPeers.snapshot();
    if (!others.equals(PeerSnapshot.builder().build())) {
      snapshot.peer(MetricsSnapshot.OTHER_PEERS, others);
    }
    return snapshot
        .latency(LatencyHistogram.of(Stream.of(latencies).mapToLong(LongAdder::sum).toArray()))
        .build();
  }

  private static <E extends Enum<E>> Map<E, LongAdder> adders(Class<E> type) {
    Map<E, LongAdder> adders = new EnumMap<>(type);
    for (E constant : type.getEnumConstants()) {
      adders.put(constant, new LongAdder());
    }
    return adders;
  }

  private static <E extends Enum<E>> LongAdder adder(Map<E, LongAdder> adders, E constant) {
    return Objects.requireNonNull(adders.get(constant)); // adders() made one for each
  }
}
