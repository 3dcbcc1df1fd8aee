// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

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

/**
 * The write side of an engine's figures. Thread-safe; writing never blocks and allocates nothing,
 * except for the first call of {@link #peer} with a name.
 */
public final class EngineMetrics {
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

  /** All figures start at zero. */
  public EngineMetrics() {}

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
    MetricsSnapshot.Builder snapshot = MetricsSnapshot.builder();
    counters.forEach((counter, adder) -> snapshot.counter(counter, adder.sum()));
    gauges.forEach((gauge, adder) -> snapshot.gauge(gauge, adder.sum()));
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
