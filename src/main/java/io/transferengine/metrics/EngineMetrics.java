// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

import java.util.EnumMap;
import java.util.HashMap;
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
  /**
   * Peers with figures of their own. A mesh of thousands fits; a caller that makes names up cannot
   * fill the heap.
   */
  public static final int PEER_LIMIT = 4096;

  /** The name that all further peers count under. */
  public static final String OTHER_PEERS = "(other)";

  // The maps and the array are filled here and never change afterwards; their adders do.
  private final Map<Counter, LongAdder> counters = adders(Counter.class);
  private final Map<FailureCause, LongAdder> failures = adders(FailureCause.class);
  private final LongAdder[] latencies =
      Stream.generate(LongAdder::new)
          .limit(LatencyHistogram.bucketCount())
          .toArray(LongAdder[]::new);
  private final ConcurrentMap<String, PeerMetrics> peers = new ConcurrentHashMap<>();
  private final Semaphore peersLeft = new Semaphore(PEER_LIMIT);
  private final PeerMetrics otherPeers = new PeerMetrics();

  /** Starts all figures at zero. */
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
   * Counts one transfer that did not complete; the counters of {@link Counter} are the caller's.
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
    if (name.equals(OTHER_PEERS) || !peersLeft.tryAcquire()) {
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
    Map<String, PeerSnapshot> peerValues = new HashMap<>();
    peers.forEach((name, peer) -> peerValues.put(name, peer.snapshot()));
    PeerSnapshot others = otherPeers.snapshot();
    if (!others.equals(PeerSnapshot.ZERO)) {
      peerValues.put(OTHER_PEERS, others);
    }
    long[] latencyCounts = Stream.of(latencies).mapToLong(LongAdder::sum).toArray();
    return new MetricsSnapshot(
        sums(counters), sums(failures), peerValues, new LatencyHistogram(latencyCounts));
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

  private static <E extends Enum<E>> Map<E, Long> sums(Map<E, LongAdder> adders) {
    Map<E, Long> sums = new HashMap<>();
    adders.forEach((constant, adder) -> sums.put(constant, adder.sum()));
    return sums;
  }
}
