// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

import java.util.Collections;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * All figures at one moment. They are read one after the other while transfers go on, so that sums
 * over several of them may be off by what is under way. Immutable.
 *
 * @param counters every {@link Counter}
 * @param failures transfers that did not complete, by every {@link FailureCause}
 * @param peers figures by the peer's name; beyond {@link EngineMetrics#PEER_LIMIT} names under
 *     {@link EngineMetrics#OTHER_PEERS}
 * @param latency how long completed transfers took
 */
public record MetricsSnapshot(
    Map<Counter, Long> counters,
    Map<FailureCause, Long> failures,
    Map<String, PeerSnapshot> peers,
    LatencyHistogram latency) {

  /** Copies the maps; the copies iterate in the order of the enums and of the peers' names. */
  public MetricsSnapshot {
    counters = copy(Counter.class, counters);
    failures = copy(FailureCause.class, failures);
    peers = Collections.unmodifiableMap(new TreeMap<>(peers));
  }

  private static <E extends Enum<E>> Map<E, Long> copy(Class<E> type, Map<E, Long> values) {
    Map<E, Long> copy = new EnumMap<>(type);
    copy.putAll(values);
    return Collections.unmodifiableMap(copy);
  }

  /**
   * {@return the value of {@code counter}}
   *
   * @param counter which one
   */
  public long get(Counter counter) {
    return counters.getOrDefault(counter, 0L);
  }

  /**
   * {@return how many transfers failed for {@code cause}}
   *
   * @param cause which one
   */
  public long get(FailureCause cause) {
    return failures.getOrDefault(cause, 0L);
  }

  /**
   * {@return what came since {@code earlier}}
   *
   * @param earlier a snapshot of the same engine
   */
  public MetricsSnapshot minus(MetricsSnapshot earlier) {
    Map<Counter, Long> counterDifference = new EnumMap<>(Counter.class);
    for (Counter counter : Counter.values()) {
      counterDifference.put(counter, get(counter) - earlier.get(counter));
    }
    Map<FailureCause, Long> failureDifference = new EnumMap<>(FailureCause.class);
    for (FailureCause cause : FailureCause.values()) {
      failureDifference.put(cause, get(cause) - earlier.get(cause));
    }
    Map<String, PeerSnapshot> peerDifference = new HashMap<>();
    peers.forEach(
        (name, peer) ->
            peerDifference.put(
                name, peer.minus(earlier.peers.getOrDefault(name, PeerSnapshot.ZERO))));
    return new MetricsSnapshot(
        counterDifference, failureDifference, peerDifference, latency.minus(earlier.latency));
  }
}
