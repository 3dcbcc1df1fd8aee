// SPDX-License-Identifier: Apache-2.0
package recipe;

import brave.handler.MutableSpan;
import brave.handler.SpanHandler;
import brave.propagation.TraceContext;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.NotificationListener;
import io.transferengine.TransferNotify;
import io.transferengine.micrometer.ObservedTransfers;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;

/** Runs the recipe, which lies beside this: a transfer, its figures, its health, and its spans. */
@SpringBootApplication
public class Application {
  private static final Duration LIMIT = Duration.ofSeconds(30);

  private final Map<String, MutableSpan> spans = new ConcurrentHashMap<>();

  /** What a back-end for traces would get. */
  @Bean
  SpanHandler collectedSpans() {
    return new SpanHandler() {
      @Override
      public boolean end(TraceContext context, MutableSpan span, Cause cause) {
        spans.put(span.name(), span);
        return true;
      }
    };
  }

  private static void require(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError(what);
    }
  }

  private static void requireLine(String text, String start, String part) {
    require(
        text.lines().anyMatch(line -> line.startsWith(start) && line.contains(part)),
        "no line " + start + "... with " + part + " in\n" + text);
  }

  private static String get(int port, String path, String accept) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(
              HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
                  .header("Accept", accept)
                  .build(),
              HttpResponse.BodyHandlers.ofString())
          .body();
    }
  }

  /** A write with a notification, below an observation; the peer processes it. */
  private static void work(ConfigurableApplicationContext app) throws Exception {
    Engine engine = app.getBean(Engine.class);
    ObservationRegistry registry = app.getBean(ObservationRegistry.class);
    CountDownLatch processed = new CountDownLatch(2);
    try (Engine peer = Engine.open(EngineConfig.fromEnvironment("127.0.0.1").build());
        NotificationListener _ =
            new ObservedTransfers(peer, registry).onNotification(_ -> processed.countDown());
        var mine = engine.allocate(8192);
        var theirs = peer.allocate(8192)) {
      ObservedTransfers transfers = app.getBean(ObservedTransfers.class);
      Observation parent = Observation.start("work", registry);
      try (Observation.Scope _ = parent.openScope()) {
        TransferState state =
            transfers
                .submit(
                    TransferRequest.of(
                            Operation.WRITE,
                            peer.segmentName(),
                            BlockColumns.of(mine.address(), theirs.address(), 8192))
                        .withNotification("done", ""))
                .await(LIMIT);
        require(state == TransferState.COMPLETED, "the transfer is " + state);
        transfers.sendNotify(peer.segmentName(), new TransferNotify("more", ""), LIMIT);
      } finally {
        parent.stop();
      }
      require(processed.await(30, TimeUnit.SECONDS), "no notification was processed");
    }
  }

  private MutableSpan span(String name) throws InterruptedException {
    for (int i = 0; i < 300 && !spans.containsKey(name); i++) {
      Thread.sleep(100);
    }
    require(spans.containsKey(name), "no span " + name + " in " + spans.keySet());
    return spans.get(name);
  }

  private void checkSpans(String metrics) throws InterruptedException {
    MutableSpan work = span("work");
    MutableSpan transfer = span("transferengine.transfer");
    MutableSpan sent = span("transferengine.notification.send");
    // The last one, which is that of the notification sent by itself.
    MutableSpan processed = span("transferengine.notification.process");
    require(transfer.parentId().equals(work.id()), "the transfer's parent: " + transfer);
    require(sent.parentId().equals(work.id()), "the sending's parent: " + sent);
    require(
        processed.parentId().equals(sent.id()) || processed.parentId().equals(transfer.id()),
        "the processing's parent: " + processed);
    require(processed.traceId().equals(work.traceId()), "another trace: " + processed);
    requireLine(
        metrics, "transferengine_transfer_duration_seconds_bucket", "span_id=\"" + transfer.id());
  }

  public static void main(String[] arguments) throws Exception {
    SpringApplication application = new SpringApplication(Application.class);
    application.setDefaultProperties(
        Map.of(
            "server.port", "0",
            "server.address", "127.0.0.1",
            "transferengine.host", "127.0.0.1",
            "management.endpoints.web.exposure.include", "health,prometheus",
            "management.endpoint.health.show-details", "always",
            "management.tracing.sampling.probability", "1.0",
            "logging.level.root", "WARN",
            "logging.level.io.transferengine", "ERROR", // that there is no RDMA
            "spring.main.banner-mode", "off"));
    try (ConfigurableApplicationContext app = application.run(arguments)) {
      work(app);
      int port =
          app.getEnvironment().getRequiredProperty("local.server.port", Integer.class).intValue();
      String plain = get(port, "/actuator/prometheus", "text/plain");
      requireLine(plain, "transferengine_transfers_completed_total", " 1.0");
      requireLine(plain, "transferengine_transfer_duration_seconds_count", "outcome=\"completed\"");
      String health = get(port, "/actuator/health", "application/json");
      require(
          health.contains("\"transferEngine\":{") && health.contains("\"problems\":\"["),
          "the health is " + health);
      String open = get(port, "/actuator/prometheus", "application/openmetrics-text;version=1.0.0");
      app.getBean(Application.class).checkSpans(open);
      System.out.println(
          "consumer: Spring Boot: figures, health, and spans on both sides of a transfer");
    }
  }
}
