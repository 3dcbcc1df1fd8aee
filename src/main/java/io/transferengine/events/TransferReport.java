// SPDX-License-Identifier: Apache-2.0
package io.transferengine.events;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;

/**
 * What has happened to one transfer: over which transport, how often it was tried, and where its
 * time went. Immutable.
 *
 * <p>Its time has four stages, one after another, which add up to {@link #duration()}: the {@link
 * #lookUp()} of the peer, {@link #queued()}, {@link #moving()} and {@link #settling()}. If the
 * transfer was tried again with a new descriptor of the peer, the earlier tries are in the look-up.
 */
public final class TransferReport {
  /** What {@link #transport()} is if there were several. */
  public static final String SEVERAL = "several";

  private final Operation operation;
  private final String target;
  private final String transport;
  private final int tries;
  private final int requests;
  private final int requestsAgain;
  private final int lanes;
  private final int blocks;
  private final long bytes;
  private final long bytesMoved;
  private final TransferState state;
  private final @Nullable FailureCause cause;
  private final @Nullable TransferException failure;
  private final @Nullable TraceParent traceParent;
  private final long lookUpNanos;
  private final long queuedNanos;
  private final long movingNanos;
  private final long settlingNanos;

  private TransferReport(Builder from) {
    operation = from.operation;
    target = from.target;
    transport = from.transport;
    tries = from.tries;
    requests = from.requests;
    requestsAgain = from.requestsAgain;
    lanes = from.lanes;
    blocks = from.blocks;
    bytes = from.bytes;
    bytesMoved = from.bytesMoved;
    state = from.state;
    cause = from.cause;
    failure = from.failure;
    traceParent = from.traceParent;
    lookUpNanos = from.lookUpNanos;
    queuedNanos = from.queuedNanos;
    movingNanos = from.movingNanos;
    settlingNanos = from.settlingNanos;
  }

  /**
   * {@return a builder of the report of a transfer without blocks that has just been submitted; for
   * the engine, and for tests of listeners}
   *
   * @param operation READ or WRITE
   * @param target the peer's segment
   */
  public static Builder builder(Operation operation, String target) {
    return new Builder(operation, target);
  }

  /** {@return READ or WRITE} */
  public Operation operation() {
    return operation;
  }

  /** {@return the peer's segment} */
  public String target() {
    return target;
  }

  /**
   * {@return the name of the transport that has carried it, such as {@code tcp}, {@code rdma} or
   * {@code local}; {@code several} if its blocks went over more than one; empty if it came to none}
   */
  public String transport() {
    return transport;
  }

  /** {@return how often it was begun with a descriptor of the peer, 0 if the peer was not found} */
  public int tries() {
    return tries;
  }

  /** {@return how many requests its last try was made of, those included that were repeated} */
  public int requests() {
    return requests;
  }

  /** {@return how many of them repeated others: after a loss, a refusal, or damaged bytes} */
  public int requestsAgain() {
    return requestsAgain;
  }

  /** {@return how many connections, or RDMA paths, took some of them; 0 if there are none} */
  public int lanes() {
    return lanes;
  }

  /** {@return the number of its blocks} */
  public int blocks() {
    return blocks;
  }

  /** {@return the length of all its blocks} */
  public long bytes() {
    return bytes;
  }

  /** {@return the bytes known to have reached their destination} */
  public long bytesMoved() {
    return bytesMoved;
  }

  /** {@return its state; not terminal if the report was made while it is under way} */
  public TransferState state() {
    return state;
  }

  /** {@return why it did not complete; empty if it did, or has not ended} */
  public Optional<FailureCause> cause() {
    return Optional.ofNullable(cause);
  }

  /** {@return the error that the caller gets; empty if it completed, or has not ended} */
  public Optional<TransferException> failure() {
    return Optional.ofNullable(failure);
  }

  /** {@return its span; empty if it is no part of a trace} */
  public Optional<TraceParent> traceParent() {
    return Optional.ofNullable(traceParent);
  }

  /** {@return from its submission until the peer's descriptor was there} */
  public Duration lookUp() {
    return Duration.ofNanos(lookUpNanos);
  }

  /** {@return from then until a transport took the first bytes in hand} */
  public Duration queued() {
    return Duration.ofNanos(queuedNanos);
  }

  /** {@return from then until the last request was settled, or it was ended} */
  public Duration moving() {
    return Duration.ofNanos(movingNanos);
  }

  /**
   * {@return from then until its memory was given back; 0 for memory of one registration, which
   * takes no time worth measuring, unless the JDK's flight recorder records the transfer}
   */
  public Duration settling() {
    return Duration.ofNanos(settlingNanos);
  }

  /** {@return from its submission to its end, or until now} */
  public Duration duration() {
    return Duration.ofNanos(lookUpNanos + queuedNanos + movingNanos + settlingNanos);
  }

  /**
   * {@return what has happened to it, in a sentence or two for people} Such as: {@code WRITE of
   * 4,096 bytes in 1 block to 10.0.0.2:15000 over tcp: COMPLETED after 61.2 µs (look-up 0.3, queued
   * 4.1, moving 56.8, settling 0.0)}.
   */
  public String explain() {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "%s of %,d bytes in %,d %s to %s",
            operation,
            bytes,
            blocks,
            blocks == 1 ? "block" : "blocks",
            target));
    if (!transport.isEmpty()) {
      text.append(
          transport.equals(SEVERAL) ? " over several transports" : " over ".concat(transport));
    }
    text.append(": ").append(state).append(" after ").append(micros(duration().toNanos()));
    text.append(" µs (");
    text.append(stages());
    text.append(')');
    if (requests > 0) {
      text.append(", ").append(requests).append(requests == 1 ? " request" : " requests");
      if (lanes > 0) {
        text.append(" on ").append(lanes).append(lanes == 1 ? " lane" : " lanes");
      }
      if (requestsAgain > 0) {
        text.append(", ").append(requestsAgain).append(" of them again");
      }
    }
    if (tries > 1) {
      text.append(", tried ").append(tries).append(" times");
    }
    if (state != TransferState.COMPLETED) {
      text.append(String.format(Locale.ROOT, ", %,d bytes moved", bytesMoved));
    }
    // No lambdas: this runs when a transfer ends, perhaps in a full heap.
    if (cause != null) {
      text.append("; ").append(cause.label());
    }
    if (failure != null) {
      text.append(": ").append(failure.getMessage());
    }
    return text.toString();
  }

  private String stages() {
    return new StringJoiner(", ")
        .add("look-up " + micros(lookUpNanos))
        .add("queued " + micros(queuedNanos))
        .add("moving " + micros(movingNanos))
        .add("settling " + micros(settlingNanos))
        .toString();
  }

  private static String micros(long nanos) {
    return String.format(Locale.ROOT, "%,.1f", nanos / 1e3);
  }

  @Override
  public String toString() {
    return explain();
  }

  /** Collects its parts. Not thread-safe. */
  public static final class Builder {
    private final Operation operation;
    private final String target;
    private String transport = "";
    private int tries;
    private int requests;
    private int requestsAgain;
    private int lanes;
    private int blocks;
    private long bytes;
    private long bytesMoved;
    private TransferState state = TransferState.WAITING;
    private @Nullable FailureCause cause;
    private @Nullable TransferException failure;
    private @Nullable TraceParent traceParent;
    private long lookUpNanos;
    private long queuedNanos;
    private long movingNanos;
    private long settlingNanos;

    private Builder(Operation operation, String target) {
      this.operation = Objects.requireNonNull(operation, "operation must not be null");
      this.target = Objects.requireNonNull(target, "target must not be null");
    }

    /**
     * Sets the transport.
     *
     * @param name as {@link TransferReport#transport()}
     * @return this builder
     */
    public Builder transport(String name) {
      transport = Objects.requireNonNull(name, "name must not be null");
      return this;
    }

    /**
     * Sets how often it was begun.
     *
     * @param count 0 or more
     * @return this builder
     */
    public Builder tries(int count) {
      tries = count;
      return this;
    }

    /**
     * Sets what its last try was made of.
     *
     * @param all as {@link TransferReport#requests()}
     * @param again as {@link TransferReport#requestsAgain()}
     * @param on as {@link TransferReport#lanes()}
     * @return this builder
     */
    public Builder requests(int all, int again, int on) {
      requests = all;
      requestsAgain = again;
      lanes = on;
      return this;
    }

    /**
     * Sets what is to be moved.
     *
     * @param count the number of blocks
     * @param length the length of all of them, in bytes
     * @return this builder
     */
    public Builder blocks(int count, long length) {
      blocks = count;
      bytes = length;
      return this;
    }

    /**
     * Sets how far it is.
     *
     * @param now its state
     * @param moved the bytes that have reached their destination
     * @return this builder
     */
    public Builder state(TransferState now, long moved) {
      state = Objects.requireNonNull(now, "now must not be null");
      bytesMoved = moved;
      return this;
    }

    /**
     * Sets why it did not complete.
     *
     * @param kind as it is counted
     * @param why what the caller gets
     * @return this builder
     */
    public Builder failure(FailureCause kind, TransferException why) {
      cause = Objects.requireNonNull(kind, "kind must not be null");
      failure = Objects.requireNonNull(why, "why must not be null");
      return this;
    }

    /**
     * Makes it a part of a trace.
     *
     * @param span its own
     * @return this builder
     */
    public Builder traceParent(TraceParent span) {
      traceParent = Objects.requireNonNull(span, "span must not be null");
      return this;
    }

    /**
     * Sets where its time went, in nanoseconds. What is below zero counts as zero.
     *
     * @param lookUp as {@link TransferReport#lookUp()}
     * @param queued as {@link TransferReport#queued()}
     * @param moving as {@link TransferReport#moving()}
     * @param settling as {@link TransferReport#settling()}
     * @return this builder
     */
    public Builder stages(long lookUp, long queued, long moving, long settling) {
      lookUpNanos = Math.max(0, lookUp);
      queuedNanos = Math.max(0, queued);
      movingNanos = Math.max(0, moving);
      settlingNanos = Math.max(0, settling);
      return this;
    }

    /** {@return the report} */
    public TransferReport build() {
      return new TransferReport(this);
    }
  }
}
