// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer;

import static org.assertj.core.api.Assertions.assertThat;

import io.micrometer.core.instrument.Clock;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.observation.transport.SenderContext;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import io.prometheus.metrics.model.registry.PrometheusRegistry;
import io.prometheus.metrics.tracer.common.SpanContext;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Transfer;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A slow transfer in a histogram leads to its trace. */
@Timeout(120)
class ExemplarsTest {
  private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
  private static final String SPAN = "00f067aa0ba902b7";
  private static final String TEXT = "00-" + TRACE + "-" + SPAN + "-01";

  /** As Prometheus 3 asks, cut. */
  private static final String ACCEPT =
      "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1";

  private static final String OPEN_METRICS = "application/openmetrics-text; version=1.0.0";

  /** What a tracer has current, by thread. */
  private static final ThreadLocal<@Nullable String> CURRENT = new ThreadLocal<>();

  /** What Micrometer Tracing does. */
  private static final class Tracer implements ObservationHandler<Observation.Context> {
    private static <C> void inject(SenderContext<C> context) {
      context.getSetter().set(context.getCarrier(), "traceparent", TEXT);
    }

    @Override
    public void onStart(Observation.Context context) {
      if (context instanceof SenderContext<?> sender) {
        inject(sender);
      }
    }

    @Override
    public void onScopeOpened(Observation.Context context) {
      if (context instanceof SenderContext<?>) {
        CURRENT.set(SPAN);
      }
    }

    @Override
    public void onScopeClosed(Observation.Context context) {
      CURRENT.remove();
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return true;
    }
  }

  /** What Spring Boot gives the registry where there is a tracer. */
  private static final class CurrentSpan implements SpanContext {
    @Override
    public @Nullable String getCurrentTraceId() {
      return CURRENT.get() == null ? null : TRACE;
    }

    @Override
    public @Nullable String getCurrentSpanId() {
      return CURRENT.get();
    }

    @Override
    public boolean isCurrentSpanSampled() {
      return CURRENT.get() != null;
    }

    @Override
    public void markCurrentSpanAsExemplar() {}
  }

  private static Engine open(int metricsPort) {
    return Engine.open(
        EngineConfig.builder("127.0.0.1")
            .protocol("tcp")
            .local(LocalMode.OFF)
            .metricsPort(metricsPort)
            .build());
  }

  private static Engine open() {
    return Engine.open(
        EngineConfig.builder("127.0.0.1").protocol("tcp").local(LocalMode.OFF).build());
  }

  private static void completes(Transfer transfer) throws InterruptedException {
    assertThat(transfer.await(Duration.ofSeconds(30))).isEqualTo(TransferState.COMPLETED);
  }

  /** {@return the lines of a text that have the exemplar} */
  private static List<String> exemplars(String text) {
    String labels = "# {span_id=\"" + SPAN + "\",trace_id=\"" + TRACE + "\"} ";
    return text.lines().filter(line -> line.contains(labels)).toList();
  }

  private static void assertInHistogram(List<String> lines) {
    assertThat(lines)
        .anyMatch(line -> line.startsWith("transferengine_transfer_duration_seconds_bucket{"));
  }

  @Test
  void aRegistryThatKnowsTheTracerGetsTheSpanOfTheTransfer() throws Exception {
    ObservationRegistry observations = ObservationRegistry.create();
    observations.observationConfig().observationHandler(new Tracer());
    PrometheusMeterRegistry registry =
        new PrometheusMeterRegistry(
            PrometheusConfig.DEFAULT, new PrometheusRegistry(), Clock.SYSTEM, new CurrentSpan());
    try (Engine here = open();
        Engine there = open();
        var mine = here.allocate(8192);
        var theirs = there.allocate(8192);
        TransferEngineMetrics metrics = new TransferEngineMetrics(here)) {
      metrics.bindTo(registry);
      ObservedTransfers transfers = new ObservedTransfers(here, observations);
      TransferRequest write =
          TransferRequest.of(
              Operation.WRITE,
              there.segmentName(),
              BlockColumns.of(mine.address(), theirs.address(), 8192));
      completes(transfers.submit(write));
      assertThat(exemplars(registry.scrape(OPEN_METRICS))).isEmpty();
      Observation parent = Observation.start("work", observations);
      try (Observation.Scope _ = parent.openScope()) {
        completes(
            transfers.submit(
                TransferRequest.of(
                    Operation.READ,
                    there.segmentName(),
                    BlockColumns.of(mine.address(), theirs.address(), 8192))));
      }
      parent.stop();
      assertInHistogram(exemplars(registry.scrape(OPEN_METRICS)));
      assertThat(registry.scrape(OPEN_METRICS)).endsWith("# EOF\n");
      // No thread of the engine's is left in a span.
      String before = registry.scrape(OPEN_METRICS);
      completes(transfers.submit(write));
      assertThat(exemplars(registry.scrape(OPEN_METRICS))).hasSameSizeAs(exemplars(before));
    }
  }

  @Test
  void aTracerThatThrowsCostsNoFigure() throws Exception {
    ObservationRegistry observations = ObservationRegistry.create();
    observations.observationConfig().observationHandler(new Tracer());
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    try (LogCapture log = new LogCapture();
        Engine here = open();
        Engine there = open();
        var mine = here.allocate(8192);
        var theirs = there.allocate(8192);
        TransferEngineMetrics metrics = new TransferEngineMetrics(here)) {
      metrics.bindTo(registry);
      Observation parent = Observation.start("work", observations);
      try (Observation.Scope _ = parent.openScope()) {
        observations
            .observationConfig()
            .observationHandler(
                new ObservationHandler<SenderContext<?>>() {
                  @Override
                  public void onScopeOpened(SenderContext<?> context) {
                    throw new IllegalStateException("of this test");
                  }

                  @Override
                  public boolean supportsContext(Observation.Context context) {
                    return context instanceof SenderContext<?>;
                  }
                });
        completes(
            new ObservedTransfers(here, observations)
                .submit(
                    TransferRequest.of(
                        Operation.WRITE,
                        there.segmentName(),
                        BlockColumns.of(mine.address(), theirs.address(), 8192))));
      }
      assertThat(registry.get("transferengine.transfer.duration").timer().count()).isOne();
      assertThat(log.warnings()).anyMatch(line -> line.contains("failed"));
    }
  }

  @Test
  void thePortOfFiguresHasThemForWhoAsks() throws Exception {
    try (Engine here = open(0);
        Engine there = open();
        var mine = here.allocate(8192);
        var theirs = there.allocate(8192);
        HttpClient client = HttpClient.newHttpClient()) {
      InetSocketAddress address = here.metricsAddress().orElseThrow();
      URI uri = URI.create("http://127.0.0.1:" + address.getPort() + "/metrics");
      completes(
          here.submit(
              TransferRequest.of(
                      Operation.WRITE,
                      there.segmentName(),
                      BlockColumns.of(mine.address(), theirs.address(), 8192))
                  .withTraceParent(TraceParent.of(TEXT))));
      HttpResponse<String> asked =
          client.send(
              HttpRequest.newBuilder(uri).header("Accept", ACCEPT).build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(asked.headers().firstValue("Content-Type"))
          .contains("application/openmetrics-text; version=1.0.0; charset=utf-8");
      assertInHistogram(exemplars(asked.body()));
      assertThat(asked.body()).endsWith("# EOF\n");
      HttpResponse<String> plain =
          client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
      assertThat(plain.headers().firstValue("Content-Type"))
          .contains("text/plain; version=0.0.4; charset=utf-8");
      assertThat(exemplars(plain.body())).isEmpty();
    }
  }
}
