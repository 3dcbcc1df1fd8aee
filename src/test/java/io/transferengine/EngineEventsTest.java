// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineEvent.Kind;
import io.transferengine.events.EngineListener;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.testkit.Recorded;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import jdk.jfr.Recording;
import jdk.jfr.consumer.RecordingFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What happens in an engine beside transfers, as listeners and gauges show it. */
@Timeout(120)
class EngineEventsTest {
  private static final int BYTES = 1 << 20;

  @TempDir private Path folder = Path.of("");

  private final HeardEvents here = new HeardEvents();
  private final HeardEvents there = new HeardEvents();

  private static long gauge(TestEngine of, Gauge gauge) {
    return of.engine.metrics().get(gauge);
  }

  private static void becomes(TestEngine of, Gauge gauge, long value) {
    await().untilAsserted(() -> assertThat(gauge(of, gauge)).as("%s", gauge).isEqualTo(value));
  }

  @Test
  void bothSidesHearOfAHandshakeAndOfThePath() {
    try (TestEngine asking = new TestEngine(BYTES, builder -> builder.tcpLanesPerPeer(1));
        TestEngine target = new TestEngine(BYTES)) {
      var _ = asking.engine.listen(here);
      var _ = target.engine.listen(there);
      TestEngine.serves(target, asking);

      String name = target.engine.segmentName();
      EngineEvent made = here.first(Kind.HANDSHAKE_MADE);
      assertThat(made.peer()).isEqualTo(name);
      assertThat(made.counter()).contains(Counter.HANDSHAKES_MADE);
      assertThat(made.what()).isEqualTo("METADATA");
      assertThat(made.duration()).isPositive();
      EngineEvent served = there.first(Kind.HANDSHAKE_SERVED);
      assertThat(served.counter()).contains(Counter.HANDSHAKES_SERVED);
      assertThat(served.peer()).startsWith("127.0.0.1:");
      EngineEvent up = here.first(Kind.PATH_UP);
      assertThat(up.transport()).isEqualTo("tcp");
      assertThat(up.peer()).isEqualTo(name);
      assertThat(up).hasToString("path up over tcp, " + name + ": a data connection is open");
      becomes(asking, Gauge.LANES_OPEN, 1);
      becomes(target, Gauge.INBOUND_CONNECTIONS_OPEN, 1);

      target.engine.close();
      EngineEvent down = here.first(Kind.PATH_DOWN);
      assertThat(down.transport()).isEqualTo("tcp");
      assertThat(down.peer()).isEqualTo(name);
      assertThat(down.counter().orElseThrow())
          .isIn(Counter.CONNECTIONS_LOST, Counter.CONNECTIONS_ENDED);
      assertThat(down.what()).isNotEmpty();
      becomes(asking, Gauge.LANES_OPEN, 0);
      becomes(target, Gauge.INBOUND_CONNECTIONS_OPEN, 0);

      assertThatThrownBy(() -> asking.engine.probe(name)).isInstanceOf(TransferException.class);
      EngineEvent failed = here.first(Kind.HANDSHAKE_FAILED, Counter.HANDSHAKES_FAILED);
      assertThat(failed.peer()).isEqualTo(name);
      assertThat(failed.what()).contains(name);
    }
  }

  @Test
  void registrationsAreToldAndMeasured() {
    try (TestEngine engine = new TestEngine(BYTES);
        Arena arena = Arena.ofShared()) {
      assertThat(gauge(engine, Gauge.REGISTRATIONS)).isOne();
      assertThat(gauge(engine, Gauge.REGISTERED_BYTES_HOST)).isEqualTo(BYTES);
      assertThat(gauge(engine, Gauge.MANAGED_POOLS)).isZero();
      EngineListening listening = engine.engine.listen(here);
      Registration registration = engine.engine.register(arena.allocate(12_288));
      assertThat(here.first(Kind.REGISTERED).bytes()).isEqualTo(12_288);
      assertThat(gauge(engine, Gauge.REGISTRATIONS)).isEqualTo(2);
      assertThat(gauge(engine, Gauge.REGISTERED_BYTES_HOST)).isEqualTo(BYTES + 12_288);
      assertThat(gauge(engine, Gauge.REGISTERED_BYTES_DEVICE)).isZero();
      registration.close();
      EngineEvent ended = here.first(Kind.UNREGISTERED);
      assertThat(ended.bytes()).isEqualTo(12_288);
      assertThat(ended.what()).isEqualTo("1 range");
      assertThat(gauge(engine, Gauge.REGISTRATIONS)).isOne();

      // A pool is no registration of the application.
      try (Allocation _ = engine.engine.allocate(10_000)) {
        assertThat(gauge(engine, Gauge.REGISTRATIONS)).isOne();
        assertThat(gauge(engine, Gauge.MANAGED_POOLS)).isOne();
        assertThat(gauge(engine, Gauge.MANAGED_BYTES_IN_USE)).isEqualTo(10_000);
        assertThat(gauge(engine, Gauge.MANAGED_BYTES_RESERVED)).isEqualTo(64 << 20);
      }
      assertThat(gauge(engine, Gauge.MANAGED_BYTES_IN_USE)).isZero();
      // It is kept, but nobody reaches it.
      await().untilAsserted(() -> assertThat(here.all()).hasSize(4));
      assertThat(here.all().getLast().kind()).isEqualTo(Kind.UNREGISTERED);
      assertThat(here.all().getLast().bytes()).isEqualTo(64 << 20);

      listening.close();
      HeardEvents witness = new HeardEvents();
      try (EngineListening _ = engine.engine.listen(witness)) {
        engine.engine.register(arena.allocate(4096)).close();
        await().untilAsserted(() -> assertThat(witness.all()).hasSize(2));
      }
      assertThat(here.all()).hasSize(4);
    }
  }

  /** Nobody waits for a listener, nor keeps all that it misses. */
  @Test
  void whatAListenerIsTooSlowForIsCounted() throws InterruptedException {
    CountDownLatch go = new CountDownLatch(1);
    try (TestEngine engine = new TestEngine(BYTES);
        Arena arena = Arena.ofShared()) {
      var _ =
          engine.engine.listen(
              new EngineListener() {
                @Override
                public void happened(EngineEvent event) {
                  try {
                    go.await();
                  } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                  }
                }
              });
      var memory = arena.allocate(4096);
      for (int i = 0; i < 600; i++) {
        engine.engine.register(memory).close();
      }
      assertThat(engine.count(Counter.EVENTS_OMITTED)).isPositive();
    } finally {
      go.countDown();
    }
  }

  /** Each kind by what makes it happen. */
  @Test
  void aRecordingHasThemWithoutAListener() throws Exception {
    Path file = folder.resolve("events.jfr");
    try (Recording recording = new Recording()) {
      for (String each : List.of("Handshake", "Registration", "PathChange", "Refusal")) {
        recording.enable("io.transferengine." + each);
      }
      recording.start();
      try (TestEngine asking = new TestEngine(BYTES);
          TestEngine target = new TestEngine(BYTES)) {
        TestEngine.serves(target, asking);
        TestEngine.assertFailed(
            asking.submit(
                Operation.READ, target.engine.segmentName(), target.address() + 2L * BYTES, 100));
      }
      recording.stop();
      recording.dump(file);
    }
    assertThat(RecordingFile.readAllEvents(file))
        .extracting(
            event -> {
              String field = event.hasField("kind") ? "kind" : "reason";
              String kind = event.hasField(field) ? event.getString(field) : "";
              return event.getEventType().getName() + " " + kind;
            })
        .contains(
            "io.transferengine.Handshake HANDSHAKE_MADE",
            "io.transferengine.Handshake HANDSHAKE_SERVED",
            "io.transferengine.Registration REGISTERED",
            "io.transferengine.PathChange PATH_UP",
            "io.transferengine.Refusal INBOUND_REJECTED");
  }

  @Test
  void aRefusalIsTold() {
    try (TestEngine asking = new TestEngine(BYTES);
        TestEngine target = new TestEngine(BYTES)) {
      var _ = target.engine.listen(there);
      TestEngine.assertFailed(
          asking.submit(
              Operation.READ, target.engine.segmentName(), target.address() + 2L * BYTES, 100));
      EngineEvent refused = there.first(Kind.REFUSED, Counter.INBOUND_REJECTED);
      assertThat(refused.transport()).isEqualTo("tcp");
      assertThat(refused.peer()).contains("127.0.0.1:");
      assertThat(refused.what()).contains("100");
    }
  }

  @Test
  void aLimitIsTold() throws Exception {
    List<RawInitiator> open = new ArrayList<>();
    try (Recorded recorded = new Recorded("Limit");
        TestEngine target =
            new TestEngine(
                BYTES, builder -> builder.maxInboundConnections(2).inboundSilenceSeconds(3600))) {
      var _ = target.engine.listen(there);
      // The others keep their places for a moment: the newcomers are refused, then let in.
      TestEngine.eventually(
          "one makes room",
          () -> {
            open.add(connected(target));
            return target.count(Counter.INBOUND_CONNECTIONS_EVICTED) > 0;
          });
      assertThat(there.first(Kind.LIMIT_REACHED, Counter.INBOUND_CONNECTIONS_EVICTED).what())
          .contains("connections");
      assertThat(recorded.end(folder))
          .anyMatch(event -> event.getString("counter").equals("INBOUND_CONNECTIONS_EVICTED"));
    } finally {
      for (RawInitiator each : open) {
        each.close();
      }
    }
  }

  private static RawInitiator connected(TestEngine target) {
    try {
      return new RawInitiator(RawInitiator.dataPort(target.engine.rpcPort()), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The engine's own threads wait for no listener, and transfers go on. */
  @Test
  void aListenerThatBlocksHoldsNobodyUp() throws InterruptedException {
    var mayGoOn = new Semaphore(0);
    try (TestEngine asking = new TestEngine(BYTES);
        TestEngine target = new TestEngine(BYTES)) {
      var _ =
          asking.engine.listen(
              new EngineListener() {
                @Override
                public void happened(EngineEvent event) {
                  mayGoOn.acquireUninterruptibly();
                  here.happened(event);
                }
              });
      TestEngine.serves(target, asking);
      assertThat(here.all()).isEmpty();
      mayGoOn.release(1_000_000);
      assertThat(here.first(Kind.PATH_UP).transport()).isEqualTo("tcp");
    }
  }

  @Test
  void whatIsUnderWayIsMeasured() throws IOException {
    try (ServerSocket silent = new ServerSocket(0, 10, InetAddress.ofLiteral("127.0.0.1"));
        TestEngine engine = new TestEngine(BYTES)) {
      Transfer transfer =
          engine.submit(
              Operation.WRITE, "127.0.0.1:" + silent.getLocalPort(), engine.address(), 5000);
      assertThat(gauge(engine, Gauge.TRANSFERS_UNDER_WAY)).isOne();
      assertThat(gauge(engine, Gauge.TRANSFERS_WAITING)).isOne();
      assertThat(gauge(engine, Gauge.BYTES_UNDER_WAY)).isEqualTo(5000);
      assertThat(transfer.cancel()).isTrue();
      var _ = TestEngine.end(transfer);
      assertThat(gauge(engine, Gauge.TRANSFERS_UNDER_WAY)).isZero();
      assertThat(gauge(engine, Gauge.TRANSFERS_WAITING)).isZero();
      assertThat(gauge(engine, Gauge.BYTES_UNDER_WAY)).isZero();
    }
  }
}
