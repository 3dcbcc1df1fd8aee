// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.recording.TransferTally;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferState;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Meters of transfers in one registry; each set of tags gets its own when it first occurs.
 *
 * <p>To record one in a registry takes some 100 ns. So that is done at once as long as few end;
 * beyond that they are kept back for another thread. If there is no room, it is done at once again:
 * none is left out. Thread-safe.
 */
final class TransferMeters implements TransferTally, EndedTransfers.Taker {
  static final String DURATION = "transferengine.transfer.duration";
  static final String BYTES = "transferengine.transfer.bytes";
  static final String BLOCKS = "transferengine.transfer.blocks";
  static final String HANDSHAKE = "transferengine.handshake.duration";
  static final String EVENTS = "transferengine.events";

  /** Recorded at once between two looks, so a thousand in a second: it does not matter then. */
  static final int AT_ONCE = 100;

  /** How many are kept back at most, 32 bytes each. */
  static final int KEPT_MAX = 4096;

  private static final Logger log = LoggerFactory.getLogger(TransferMeters.class);

  /** Those of one kind of transfers. */
  private static final class Meters {
    private final int index;
    private final Operation operation;
    private final String transport;
    private final TransferState outcome;
    private final Timer duration;
    private final Counter bytes;
    private final Counter blocks;

    /**
     * In a registry.
     *
     * @param index where they are among all
     */
    Meters(
        int index,
        Operation operation,
        String transport,
        TransferState outcome,
        Tags common,
        MeterRegistry registry) {
      this.index = index;
      this.operation = operation;
      this.transport = transport;
      this.outcome = outcome;
      Tags tags =
          common.and(
              "direction",
              operation.name().toLowerCase(Locale.ROOT),
              "transport",
              transport.isEmpty() ? "none" : transport,
              "outcome",
              outcome.name().toLowerCase(Locale.ROOT));
      duration =
          Timer.builder(DURATION)
              .description("From the submission of a transfer to its end")
              .tags(tags)
              .publishPercentileHistogram()
              .register(registry);
      bytes =
          Counter.builder(BYTES)
              .description("Bytes of transfers that have reached their destination")
              .baseUnit("bytes")
              .tags(tags)
              .register(registry);
      blocks =
          Counter.builder(BLOCKS)
              .description("Blocks of transfers that have ended")
              .baseUnit("blocks")
              .tags(tags)
              .register(registry);
    }

    boolean areOf(Operation wanted, String over, TransferState ended) {
      return operation == wanted && outcome == ended && transport.equals(over);
    }

    void record(long took, long moved, int count) {
      duration.record(took, TimeUnit.NANOSECONDS);
      bytes.increment((double) moved);
      blocks.increment(count);
    }
  }

  private final MeterRegistry registry;
  private final Tags common;
  private final Spans spans;

  /** By their index, and searched from its beginning: few kinds occur. Replaced as a whole. */
  private volatile Meters[] all = {};

  private final EndedTransfers kept = new EndedTransfers(KEPT_MAX);
  private final AtomicInteger atOnce = new AtomicInteger(AT_ONCE);
  private final WarnLimiter broken = new WarnLimiter(log);

  TransferMeters(MeterRegistry registry, Tags common, Spans spans) {
    this.registry = registry;
    this.common = common;
    this.spans = spans;
  }

  @Override
  public boolean ended(
      Operation operation,
      String transport,
      TransferState state,
      long nanos,
      long bytes,
      int blocks,
      Optional<TraceParent> span) {
    Meters meters = of(operation, transport, state);
    if (span.isPresent()) {
      // An exemplar has the span of the thread that records.
      record(meters, nanos, bytes, blocks, span.get());
      return false;
    }
    if (atOnce.get() > 0 && atOnce.decrementAndGet() >= 0) {
      meters.record(nanos, bytes, blocks);
      return false;
    }
    int waiting = kept.put(meters.index, blocks, nanos, bytes);
    if (waiting == 0) {
      meters.record(nanos, bytes, blocks);
      return true;
    }
    return waiting >= KEPT_MAX / 2;
  }

  @Override
  public boolean look() {
    if (atOnce.get() != AT_ONCE) {
      atOnce.set(AT_ONCE);
    }
    return !kept.isEmpty();
  }

  @Override
  public void catchUp() {
    if (!kept.isEmpty()) {
      kept.takeAll(this);
    }
  }

  @Override
  public void take(int kind, int blocks, long nanos, long bytes) {
    try {
      all[kind].record(nanos, bytes, blocks);
    } catch (Throwable ofTheRegistry) {
      // The others are counted.
      broken.fault("%s", "Recording the end of a transfer failed", ofTheRegistry);
    }
  }

  private Meters of(Operation operation, String transport, TransferState state) {
    for (Meters each : all) {
      if (each.areOf(operation, transport, state)) {
        return each;
      }
    }
    return made(operation, transport, state);
  }

  private synchronized Meters made(Operation operation, String transport, TransferState state) {
    Meters[] before = all;
    for (Meters each : before) {
      if (each.areOf(operation, transport, state)) {
        return each; // Another thread was faster.
      }
    }
    Meters made = new Meters(before.length, operation, transport, state, common, registry);
    Meters[] more = Arrays.copyOf(before, before.length + 1);
    more[before.length] = made;
    all = more;
    return made;
  }

  private void record(Meters meters, long nanos, long bytes, int blocks, TraceParent span) {
    Spans.Scope scope;
    try {
      scope = spans.open(span);
    } catch (RuntimeException | Error ofATracer) {
      // It is a figure all the same.
      meters.record(nanos, bytes, blocks);
      throw ofATracer;
    }
    try {
      meters.record(nanos, bytes, blocks);
    } finally {
      scope.close();
    }
  }

  @Override
  public void happened(EngineEvent event) {
    String kind = event.kind().name().toLowerCase(Locale.ROOT);
    String transport = event.transport().isEmpty() ? "none" : event.transport();
    // The registry finds those that it has by their tags, and there are few of these events.
    Counter.builder(EVENTS)
        .description("Events; at most 100 a second that one counter counts")
        .tags(common.and("kind", kind, "transport", transport))
        .register(registry)
        .increment();
    switch (event.kind()) {
      case HANDSHAKE_MADE -> handshake("completed", event);
      case HANDSHAKE_FAILED -> handshake("failed", event);
      case HANDSHAKE_SERVED,
          REGISTERED,
          UNREGISTERED,
          PATH_UP,
          PATH_DOWN,
          FALLBACK,
          REFUSED,
          LIMIT_REACHED -> {}
    }
  }

  private void handshake(String outcome, EngineEvent event) {
    Timer.builder(HANDSHAKE)
        .description("Questions of ours on peers' RPC ports; at most 100 a second")
        .tags(common.and("outcome", outcome))
        .publishPercentileHistogram()
        .register(registry)
        .record(event.duration());
  }
}
