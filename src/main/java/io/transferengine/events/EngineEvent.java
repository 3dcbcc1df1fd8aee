// SPDX-License-Identifier: Apache-2.0
package io.transferengine.events;

import io.transferengine.metrics.Counter;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Something that has happened in an engine, other than the end of a transfer. Immutable. */
public final class EngineEvent {
  /** What kinds there are. There may be more in later versions. */
  public enum Kind {
    /** A peer has answered a question of ours on its RPC port. */
    HANDSHAKE_MADE,
    /** A peer has not answered a question of ours, or not as it should. */
    HANDSHAKE_FAILED,
    /** A question of a peer was answered on our RPC port. */
    HANDSHAKE_SERVED,
    /** Memory was registered: the application's, or a pool of the engine's own. */
    REGISTERED,
    /** A registration has ended. */
    UNREGISTERED,
    /** A way to a peer is open: a data connection, an RDMA path, or copies on one machine. */
    PATH_UP,
    /** A way to a peer was lost, or could not be opened. */
    PATH_DOWN,
    /** Another transport is used than the one that is preferred. */
    FALLBACK,
    /** Somebody was refused something. */
    REFUSED,
    /** A limit was reached: something waited, was closed or goes on more slowly. */
    LIMIT_REACHED
  }

  private final Kind kind;
  private final @Nullable Counter counter;
  private final String transport;
  private final String peer;
  private final String what;
  private final long durationNanos;
  private final long bytes;

  private EngineEvent(Builder from) {
    kind = from.kind;
    counter = from.counter;
    transport = from.transport;
    peer = from.peer;
    what = from.what;
    durationNanos = from.durationNanos;
    bytes = from.bytes;
  }

  /**
   * {@return a builder of an event about which nothing is known yet; for the engine, and for tests
   * of listeners}
   *
   * @param kind of the event
   */
  public static Builder builder(Kind kind) {
    return new Builder(kind);
  }

  /** {@return what kind of event it is} */
  public Kind kind() {
    return kind;
  }

  /** {@return what counts such events; empty if none does} */
  public Optional<Counter> counter() {
    return Optional.ofNullable(counter);
  }

  /**
   * {@return the transport that it is about: of a path its own, of a fallback the one that is used
   * now; empty if it is about none}
   */
  public String transport() {
    return transport;
  }

  /**
   * {@return the peer's segment, or the address of somebody that has not proved who it is; empty if
   * it is about nobody} Strangers may have chosen it: it is no tag for meters.
   */
  public String peer() {
    return peer;
  }

  /** {@return what has happened, for people; may quote strangers} */
  public String what() {
    return what;
  }

  /** {@return how long it took: of a handshake; else zero} */
  public Duration duration() {
    return Duration.ofNanos(durationNanos);
  }

  /** {@return how many bytes were registered or unregistered; else zero} */
  public long bytes() {
    return bytes;
  }

  @Override
  public String toString() {
    return kind.name().toLowerCase(Locale.ROOT).replace('_', ' ')
        + (transport.isEmpty() ? "" : " over " + transport)
        + (peer.isEmpty() ? "" : ", " + peer)
        + (what.isEmpty() ? "" : ": " + what);
  }

  /** Collects what is known of an event. Not thread-safe. */
  public static final class Builder {
    private final Kind kind;
    private @Nullable Counter counter;
    private String transport = "";
    private String peer = "";
    private String what = "";
    private long durationNanos;
    private long bytes;

    private Builder(Kind kind) {
      this.kind = Objects.requireNonNull(kind, "kind must not be null");
    }

    /**
     * Sets what counts it.
     *
     * @param value which counter
     * @return this builder
     */
    public Builder counter(Counter value) {
      counter = Objects.requireNonNull(value, "value must not be null");
      return this;
    }

    /**
     * Sets the transport.
     *
     * @param value its name, such as {@code tcp}
     * @return this builder
     */
    public Builder transport(String value) {
      transport = Objects.requireNonNull(value, "value must not be null");
      return this;
    }

    /**
     * Sets the peer.
     *
     * @param value its segment or address
     * @return this builder
     */
    public Builder peer(String value) {
      peer = Objects.requireNonNull(value, "value must not be null");
      return this;
    }

    /**
     * Sets what has happened.
     *
     * @param value a text for people
     * @return this builder
     */
    public Builder what(String value) {
      what = Objects.requireNonNull(value, "value must not be null");
      return this;
    }

    /**
     * Sets how long it took.
     *
     * @param nanos in nanoseconds, 0 or more
     * @return this builder
     */
    public Builder nanos(long nanos) {
      durationNanos = nanos;
      return this;
    }

    /**
     * Sets how many bytes it is about.
     *
     * @param value 0 or more
     * @return this builder
     */
    public Builder bytes(long value) {
      bytes = value;
      return this;
    }

    /** {@return the event} */
    public EngineEvent build() {
      return new EngineEvent(this);
    }
  }
}
