// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * All figures at one moment. They are read one after another while transfers go on, so sums of
 * several figures may be off by the transfers under way. Immutable; snapshots with the same figures
 * are equal.
 */
public final class MetricsSnapshot {
  /**
   * The most peers with their own figures. A mesh of thousands fits; invented names cannot fill the
   * heap.
   */
  public static final int PEER_LIMIT = 4096;

  /** The name under which all further peers count. */
  public static final String OTHER_PEERS = "(other)";

  private final Map<Counter, Long> counters;
  private final Map<Gauge, Long> gauges;
  private final Map<FailureCause, Long> failures;
  private final Map<String, PeerSnapshot> peers;
  private final LatencyHistogram latency;

  private MetricsSnapshot(Builder from) {
    counters = Collections.unmodifiableMap(new EnumMap<>(from.counters));
    gauges = Collections.unmodifiableMap(new EnumMap<>(from.gauges));
    failures = Collections.unmodifiableMap(new EnumMap<>(from.failures));
    peers = Collections.unmodifiableMap(new TreeMap<>(from.peers));
    latency = from.latency;
  }

  /**
   * {@return a builder whose figures are all 0; for the engine, and for tests of programs that read
   * figures}
   */
  public static Builder builder() {
    return new Builder();
  }

  /** {@return the value of every {@link Counter}, in their order; unmodifiable} */
  public Map<Counter, Long> counters() {
    return counters;
  }

  /** {@return the value of every {@link Gauge}, in their order; unmodifiable} */
  public Map<Gauge, Long> gauges() {
    return gauges;
  }

  /** {@return transfers that did not complete, by every {@link FailureCause}; unmodifiable} */
  public Map<FailureCause, Long> failures() {
    return failures;
  }

  /**
   * {@return figures by the peer's name, in the order of the names, unmodifiable; peers beyond
   * {@link #PEER_LIMIT} count under {@link #OTHER_PEERS}}
   */
  public Map<String, PeerSnapshot> peers() {
    return peers;
  }

  /** {@return how long completed transfers took} */
  public LatencyHistogram latency() {
    return latency;
  }

  /**
   * {@return the value of {@code counter}}
   *
   * @param counter which one
   */
  public long get(Counter counter) {
    Objects.requireNonNull(counter, "counter must not be null");
    return counters.getOrDefault(counter, 0L);
  }

  /**
   * {@return the value of {@code gauge}}
   *
   * @param gauge which one
   */
  public long get(Gauge gauge) {
    Objects.requireNonNull(gauge, "gauge must not be null");
    return gauges.getOrDefault(gauge, 0L);
  }

  /**
   * {@return how many transfers failed for {@code cause}}
   *
   * @param cause which one
   */
  public long get(FailureCause cause) {
    Objects.requireNonNull(cause, "cause must not be null");
    return failures.getOrDefault(cause, 0L);
  }

  /**
   * {@return the difference to {@code earlier}} Gauges are those of this snapshot.
   *
   * @param earlier a snapshot of the same engine
   */
  public MetricsSnapshot minus(MetricsSnapshot earlier) {
    Objects.requireNonNull(earlier, "earlier must not be null");
    Builder difference = builder().latency(latency.minus(earlier.latency));
    counters.forEach((counter, value) -> difference.counter(counter, value - earlier.get(counter)));
    gauges.forEach(difference::gauge);
    failures.forEach((cause, value) -> difference.failures(cause, value - earlier.get(cause)));
    peers.forEach(
        (name, peer) ->
            difference.peer(name, peer.minus(earlier.peers.getOrDefault(name, PeerSnapshot.ZERO))));
    return difference.build();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof MetricsSnapshot that
        && counters.equals(that.counters)
        && gauges.equals(that.gauges)
        && failures.equals(that.failures)
        && peers.equals(that.peers)
        && latency.equals(that.latency);
  }

  @Override
  public int hashCode() {
    return Objects.hash(counters, gauges, failures, peers, latency);
  }

  @Override
  public String toString() {
    return "MetricsSnapshot[counters=%s, gauges=%s, failures=%s, peers=%s, latency=%s]"
        .formatted(counters, gauges, failures, peers, latency);
  }

  /** Collects figures. Not thread-safe. */
  public static final class Builder {
    private final Map<Counter, Long> counters = zeros(Counter.class);
    private final Map<Gauge, Long> gauges = zeros(Gauge.class);
    private final Map<FailureCause, Long> failures = zeros(FailureCause.class);
    private final Map<String, PeerSnapshot> peers = new TreeMap<>();
    private LatencyHistogram latency =
        LatencyHistogram.of(new long[LatencyHistogram.bucketCount()]);

    private Builder() {}

    private static <E extends Enum<E>> Map<E, Long> zeros(Class<E> type) {
      Map<E, Long> zeros = new EnumMap<>(type);
      for (E constant : type.getEnumConstants()) {
        zeros.put(constant, 0L);
      }
      return zeros;
    }

    /**
     * Sets a counter.
     *
     * @param counter which one
     * @param value in the counter's unit
     * @return this builder
     */
    public Builder counter(Counter counter, long value) {
      counters.put(Objects.requireNonNull(counter, "counter must not be null"), value);
      return this;
    }

    /**
     * Sets a gauge.
     *
     * @param gauge which one
     * @param value in the gauge's unit
     * @return this builder
     */
    public Builder gauge(Gauge gauge, long value) {
      gauges.put(Objects.requireNonNull(gauge, "gauge must not be null"), value);
      return this;
    }

    /**
     * Sets how many transfers failed for a cause.
     *
     * @param cause which one
     * @param count how many
     * @return this builder
     */
    public Builder failures(FailureCause cause, long count) {
      failures.put(Objects.requireNonNull(cause, "cause must not be null"), count);
      return this;
    }

    /**
     * Sets the figures of a peer.
     *
     * @param name its segment, or {@link #OTHER_PEERS}
     * @param figures its figures
     * @return this builder
     */
    public Builder peer(String name, PeerSnapshot figures) {
      Objects.requireNonNull(name, "name must not be null");
      peers.put(name, Objects.requireNonNull(figures, "figures must not be null"));
      return this;
    }

    /**
     * Sets how long completed transfers took.
     *
     * @param histogram by their durations
     * @return this builder
     */
    public Builder latency(LatencyHistogram histogram) {
      latency = Objects.requireNonNull(histogram, "histogram must not be null");
      return this;
    }

    /** {@return the snapshot} */
    public MetricsSnapshot build() {
      return new MetricsSnapshot(this);
    }
  }
}
