// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.util.Locale;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.TimeUnit;

/** Meters of transfers in one registry; each set of tags gets its own when it first occurs. */
final class TransferMeters implements EngineListener {
  static final String DURATION = "transferengine.transfer.duration";
  static final String BYTES = "transferengine.transfer.bytes";
  static final String BLOCKS = "transferengine.transfer.blocks";

  /** No record: in a full heap, linking what compares records fails for good. */
  private static final class Kind {
    private final Operation operation;
    private final String transport;
    private final TransferState outcome;

    Kind(TransferReport report) {
      operation = report.operation();
      transport = report.transport();
      outcome = report.state();
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Kind that
          && operation == that.operation
          && outcome == that.outcome
          && transport.equals(that.transport);
    }

    @Override
    public int hashCode() {
      return (transport.hashCode() * 31 + outcome.hashCode()) * 31 + operation.hashCode();
    }

    Tags in(Tags common) {
      return common.and(
          "direction",
          operation.name().toLowerCase(Locale.ROOT),
          "transport",
          transport.isEmpty() ? "none" : transport,
          "outcome",
          outcome.name().toLowerCase(Locale.ROOT));
    }
  }

  static final String HANDSHAKE = "transferengine.handshake.duration";
  static final String EVENTS = "transferengine.events";

  private record Meters(Timer duration, Counter bytes, Counter blocks) {}

  private final MeterRegistry registry;
  private final Tags common;
  private final Spans spans;
  private final ConcurrentMap<Kind, Meters> kinds = new ConcurrentHashMap<>();

  TransferMeters(MeterRegistry registry, Tags common, Spans spans) {
    this.registry = registry;
    this.common = common;
    this.spans = spans;
  }

  @Override
  public void transferEnded(TransferReport report) {
    Kind kind = new Kind(report);
    Meters meters = kinds.get(kind);
    if (meters == null) {
      // Made twice, both are the same: the registry sees to that.
      meters = made(kind);
      kinds.put(kind, meters);
    }
    if (report.traceParent().isEmpty()) {
      record(report, meters);
      return;
    }
    Spans.Scope scope;
    try {
      scope = spans.open(report.traceParent().get());
    } catch (RuntimeException | Error ofATracer) {
      // It is a figure all the same.
      record(report, meters);
      throw ofATracer;
    }
    try {
      record(report, meters);
    } finally {
      scope.close();
    }
  }

  private static void record(TransferReport report, Meters meters) {
    meters.duration.record(report.duration().toNanos(), TimeUnit.NANOSECONDS);
    meters.bytes.increment((double) report.bytesMoved());
    meters.blocks.increment(report.blocks());
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

  private Meters made(Kind kind) {
    Tags tags = kind.in(common);
    return new Meters(
        Timer.builder(DURATION)
            .description("From the submission of a transfer to its end")
            .tags(tags)
            .publishPercentileHistogram()
            .register(registry),
        Counter.builder(BYTES)
            .description("Bytes of transfers that have reached their destination")
            .baseUnit("bytes")
            .tags(tags)
            .register(registry),
        Counter.builder(BLOCKS)
            .description("Blocks of transfers that have ended")
            .baseUnit("blocks")
            .tags(tags)
            .register(registry));
  }
}
