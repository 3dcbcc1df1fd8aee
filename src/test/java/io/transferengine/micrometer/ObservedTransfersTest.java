// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.micrometer.common.KeyValue;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.transport.ReceiverContext;
import io.micrometer.observation.transport.SenderContext;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.NotificationListener;
import io.transferengine.Transfer;
import io.transferengine.TransferNotify;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Transfers are observed below what is current where they are submitted. */
@Timeout(120)
class ObservedTransfersTest {
  private final List<Observation.Context> ended = new CopyOnWriteArrayList<>();
  private final ObservationRegistry registry = ObservationRegistry.create();

  private final class Collecting implements ObservationHandler<Observation.Context> {
    @Override
    public void onStop(Observation.Context context) {
      ended.add(context);
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return ObservedTransfers.NAME.equals(context.getName());
    }
  }

  private static Engine open() {
    return Engine.open(
        EngineConfig.builder("127.0.0.1").protocol("tcp").local(LocalMode.OFF).build());
  }

  private static Map<String, String> keys(Observation.Context context) {
    Map<String, String> all = new HashMap<>();
    for (KeyValue each : context.getAllKeyValues()) {
      all.put(each.getKey(), each.getValue());
    }
    return all;
  }

  private Observation.Context last(int count) {
    await().atMost(Duration.ofSeconds(30)).untilAsserted(() -> assertThat(ended).hasSize(count));
    return ended.getLast();
  }

  /** What Micrometer Tracing does, with spans that are numbered. */
  private static final class Tracer implements ObservationHandler<Observation.Context> {
    final AtomicInteger spans = new AtomicInteger();
    final List<String> sent = new CopyOnWriteArrayList<>();
    final List<String> received = new CopyOnWriteArrayList<>();

    private static <C> void inject(SenderContext<C> context, String span) {
      context.getSetter().set(context.getCarrier(), "b3", "0");
      context.getSetter().set(context.getCarrier(), "traceparent", span);
    }

    private static <C> @Nullable String extract(ReceiverContext<C> context) {
      C carrier = Objects.requireNonNull(context.getCarrier());
      assertThat(context.getGetter().get(carrier, "tracestate")).isNull();
      return context.getGetter().get(carrier, "traceparent");
    }

    @Override
    public void onStart(Observation.Context context) {
      if (context instanceof SenderContext<?> sender) {
        String span = "00-%032x-%016x-01".formatted(0xabc, spans.incrementAndGet());
        sent.add(sender.getName() + " " + sender.getKind() + " " + span);
        inject(sender, span);
      }
      if (context instanceof ReceiverContext<?> receiver) {
        received.add(receiver.getName() + " " + receiver.getKind() + " " + extract(receiver));
      }
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return true;
    }
  }

  /** What the peer does for a notification has the transfer's span above it. */
  @Test
  void theSendersSpanIsTheParentOfTheReceivers() throws Exception {
    Tracer sending = new Tracer();
    registry.observationConfig().observationHandler(sending);
    Tracer receiving = new Tracer();
    ObservationRegistry other = ObservationRegistry.create();
    other.observationConfig().observationHandler(receiving);
    BlockingQueue<String> processed = new LinkedBlockingQueue<>();
    try (Engine here = open();
        Engine there = open();
        var mine = here.allocate(8192);
        var theirs = there.allocate(8192)) {
      ObservedTransfers transfers = new ObservedTransfers(here, registry);
      ObservedTransfers served = new ObservedTransfers(there, other);
      TransferRequest write =
          TransferRequest.of(
              Operation.WRITE,
              there.segmentName(),
              BlockColumns.of(mine.address(), theirs.address(), 8192));
      try (NotificationListener _ =
          served.onNotification(
              message -> {
                Observation current = other.getCurrentObservation();
                processed.add(
                    message.name()
                        + (current == null ? "" : " in " + current.getContext().getName()));
              })) {
        Observation parent = Observation.start("work", registry);
        try (Observation.Scope _ = parent.openScope()) {
          Transfer first = transfers.submit(write.withNotification("first", "text"));
          assertThat(first.await(Duration.ofSeconds(30))).isEqualTo(TransferState.COMPLETED);
          assertThat(processed.poll(30, TimeUnit.SECONDS))
              .isEqualTo("first in transferengine.notification.process");
          transfers.sendNotify(
              there.segmentName(), new TransferNotify("second", "text"), Duration.ofSeconds(30));
          assertThat(processed.poll(30, TimeUnit.SECONDS))
              .isEqualTo("second in transferengine.notification.process");
          assertThat(transfers.submit(write).await(Duration.ofSeconds(30)))
              .isEqualTo(TransferState.COMPLETED);
        }
        parent.stop();
        // Nothing is current.
        transfers.sendNotify(
            there.segmentName(), new TransferNotify("third", "text"), Duration.ofSeconds(30));
        assertThat(processed.poll(30, TimeUnit.SECONDS)).isEqualTo("third");
      }
      String trace = "00-%032x-".formatted(0xabc);
      assertThat(sending.sent)
          .containsExactly(
              "transferengine.transfer PRODUCER " + trace + "0000000000000001-01",
              "transferengine.notification.send PRODUCER " + trace + "0000000000000002-01",
              "transferengine.transfer CLIENT " + trace + "0000000000000003-01");
      assertThat(receiving.received)
          .containsExactly(
              "transferengine.notification.process CONSUMER " + trace + "0000000000000001-01",
              "transferengine.notification.process CONSUMER " + trace + "0000000000000002-01");
    }
  }

  @Test
  void aTransferIsObservedBelowWhatIsCurrent() throws Exception {
    registry.observationConfig().observationHandler(new Collecting());
    try (Engine here = open();
        Engine there = open();
        var mine = here.allocate(8192);
        var theirs = there.allocate(8192)) {
      ObservedTransfers transfers = new ObservedTransfers(here, registry);
      TransferRequest write =
          TransferRequest.of(
              Operation.WRITE,
              there.segmentName(),
              BlockColumns.of(mine.address(), theirs.address(), 8192));
      assertThat(transfers.submit(write).await(Duration.ofSeconds(30)))
          .isEqualTo(TransferState.COMPLETED);
      // Nothing was current: nobody asked for it.
      assertThat(ended).isEmpty();

      Observation parent = Observation.start("work", registry);
      try (Observation.Scope _ = parent.openScope()) {
        assertThat(transfers.submit(write).await(Duration.ofSeconds(30)))
            .isEqualTo(TransferState.COMPLETED);
        Observation.Context written = last(1);
        assertThat(written.getParentObservation()).isSameAs(parent);
        assertThat(written.getError()).isNull();
        assertThat(keys(written))
            .containsEntry("direction", "write")
            .containsEntry("transport", "tcp")
            .containsEntry("outcome", "completed")
            .containsEntry("cause", "none")
            .containsEntry("peer", there.segmentName())
            .containsEntry("bytes", "8192")
            .hasEntrySatisfying("explanation", text -> assertThat(text).contains("COMPLETED"));

        var refused =
            transfers.submit(
                TransferRequest.of(
                    Operation.READ,
                    there.segmentName(),
                    BlockColumns.of(mine.address(), 4096, 100)));
        assertThat(refused.await(Duration.ofSeconds(30))).isEqualTo(TransferState.FAILED);
        Observation.Context read = last(2);
        assertThat(read.getError()).isSameAs(refused.failure().orElseThrow());
        assertThat(keys(read))
            .containsEntry("direction", "read")
            .containsEntry("outcome", "failed")
            .hasEntrySatisfying("cause", text -> assertThat(text).isNotEqualTo("none"));

        // What is refused at once is a span, too.
        TransferRequest foreign =
            TransferRequest.of(
                Operation.WRITE, there.segmentName(), BlockColumns.of(64, theirs.address(), 1));
        assertThatThrownBy(() -> transfers.submit(foreign)).isInstanceOf(TransferException.class);
        assertThat(last(3).getError()).isInstanceOf(TransferException.class);
      }
      parent.stop();
    }
  }

  /** A tracer that fails when it is told of a failure. */
  private static final class Failing implements ObservationHandler<Observation.Context> {
    @Override
    public void onError(Observation.Context context) {
      throw new AssertionError("of this test");
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return ObservedTransfers.NAME.equals(context.getName());
    }
  }

  @Test
  void aSpanEndsThoughItsTracerThrows() throws Exception {
    registry
        .observationConfig()
        .observationHandler(new Failing())
        .observationHandler(new Collecting());
    try (Engine here = open();
        Engine there = open();
        var mine = here.allocate(8192)) {
      ObservedTransfers transfers = new ObservedTransfers(here, registry);
      Observation parent = Observation.start("work", registry);
      try (Observation.Scope _ = parent.openScope()) {
        TransferRequest foreign =
            TransferRequest.of(Operation.WRITE, there.segmentName(), BlockColumns.of(64, 4096, 1));
        assertThatThrownBy(() -> transfers.submit(foreign)).isInstanceOf(TransferException.class);
        last(1);
        Transfer failed =
            transfers.submit(
                TransferRequest.of(
                    Operation.READ,
                    there.segmentName(),
                    BlockColumns.of(mine.address(), 4096, 100)));
        assertThat(failed.await(Duration.ofSeconds(30))).isEqualTo(TransferState.FAILED);
        assertThat(keys(last(2))).containsEntry("outcome", "failed");
      }
      parent.stop();
    }
  }
}
