// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The metadata service goes away and comes back; engines go on. */
@Timeout(240)
class MetadataOutageTest {
  private static final int LENGTH = 64 << 10;

  /** As often has an engine looked after its records in vain before the service is back. */
  private static final int FAILED_ATTEMPTS = 3;

  static Stream<Named<Supplier<TestService>>> services() {
    return Stream.of(
        Named.of("our HTTP server", OwnHttpService::plain),
        Named.of("a server of Mooncake's kind", ForeignHttpService::new),
        Named.of("redis", RedisService::plain),
        Named.of("etcd", EtcdService::single));
  }

  private static TestEngine engine(TestService service, String name) {
    return new TestEngine(
        LENGTH,
        ignored -> EngineConfigs.named(name, service.connectionString()).metadataTtlSeconds(2));
  }

  /** Transfers, one after the other, until it is closed; none may fail. */
  private static final class Storm implements AutoCloseable {
    private final AtomicBoolean over = new AtomicBoolean();
    private final AtomicInteger completed = new AtomicInteger();
    private final AtomicReference<Transfer> failed = new AtomicReference<>();
    private final Thread thread;

    Storm(TestEngine from, String to, long remote) {
      thread =
          Thread.ofVirtual()
              .start(
                  () -> {
                    while (!over.get() && failed.get() == null) {
                      Transfer transfer = from.submit(Operation.WRITE, to, remote, LENGTH);
                      if (TestEngine.end(transfer) == TransferState.COMPLETED) {
                        completed.incrementAndGet();
                      } else {
                        failed.set(transfer);
                      }
                    }
                  });
    }

    int completed() {
      Transfer bad = failed.get();
      assertThat(bad == null ? "" : bad.state() + " " + bad.failure()).isEmpty();
      return completed.get();
    }

    @Override
    public void close() {
      over.set(true);
      try {
        assertThat(thread.join(Duration.ofSeconds(60))).isTrue();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
      assertThat(completed()).isPositive();
    }
  }

  @ParameterizedTest
  @MethodSource("services")
  void enginesThatKnowOneAnotherGoOnAndAreFoundAgainAfterwards(Supplier<TestService> kind)
      throws Exception {
    try (LogCapture log = LogCapture.withDebug("io.transferengine.engine.Publication");
        TestService service = kind.get();
        TestEngine a = engine(service, "a");
        TestEngine b = engine(service, "b")) {
      a.engine.openSegment("b");
      try (Storm storm = new Storm(a, "b", b.address())) {
        service.kill();
        int before = storm.completed();
        Transfer unknown = a.submit(Operation.WRITE, "c", 0x1000, 16);
        assertFailed(unknown);
        assertThat(unknown.failure().orElseThrow()).hasMessageContaining("cannot be reached");
        assertThatThrownBy(() -> engine(service, "c").close())
            .isInstanceOfSatisfying(
                TransferException.class,
                e -> assertThat(e.code()).isEqualTo(ErrorCode.METADATA_UNAVAILABLE))
            .hasMessageContaining("cannot be reached");
        // What was known goes on serving everything: probes and notifications, too.
        a.engine.openSegment("b");
        awaitFailedAttempts(log, "a");
        awaitFailedAttempts(log, "b");
        int during = storm.completed();
        assertThat(during).isGreaterThan(before);
        TestEngine.eventually("the storm goes on", () -> storm.completed() > during + 10);
        try (Engine late =
            Engine.open(
                EngineConfigs.named("late", service.connectionString())
                    .metadataBackgroundStart(true)
                    .build())) {
          service.restart();
          assertFound(service, a, b, late);
        }
      }
    }
  }

  /** Its first attempt is a warning, the others are heard at DEBUG. */
  private static void awaitFailedAttempts(LogCapture log, String name) {
    Awaitility.await("attempts of " + name + " that fail")
        .until(() -> log.count("/" + name + " still cannot be kept") >= FAILED_ATTEMPTS - 1);
  }

  /** A third engine finds the others, sooner or later. */
  private static void assertFound(TestService service, TestEngine a, TestEngine b, Engine late)
      throws InterruptedException {
    long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (true) {
      try (TestEngine third = engine(service, "third")) {
        assertCompleted(third.submit(Operation.WRITE, "a", a.address(), LENGTH));
        assertCompleted(third.submit(Operation.WRITE, "b", b.address(), LENGTH));
        third.engine.probe("late");
        assertThat(late.openSegment("third").buffers()).isNotEmpty();
        return;
      } catch (TransferException | AssertionError e) {
        if (System.nanoTime() > endNanos) {
          throw e;
        }
        Thread.sleep(200);
      }
    }
  }

  /** A watch that told of changes before the lookup would drop what was just looked up. */
  @Test
  void whatWasLookedUpAfterItsLastChangeStaysKnown() throws Exception {
    try (TestService service = EtcdService.single();
        TestEngine a = engine(service, "a");
        TestEngine b = engine(service, "b");
        TestEngine c = engine(service, "c");
        Allocation block = b.engine.allocate(4096)) {
      int before = a.engine.openSegment("c").buffers().size();
      assertCompleted(a.submit(Operation.WRITE, "b", block.address(), 4096));
      // A watch that tells of this later change has told of all the earlier ones.
      try (Allocation _ = c.engine.allocate(4096)) {
        TestEngine.eventually(
            "told of c", () -> a.engine.openSegment("c").buffers().size() > before);
        service.kill();
        assertCompleted(a.submit(Operation.WRITE, "b", block.address(), 4096));
      }
    }
  }

  @Test
  void registeringMemoryDuringAnOutageWorksAndIsPublishedAfterwards() {
    try (TestService service = RedisService.plain();
        TestEngine a = engine(service, "a");
        TestEngine b = engine(service, "b")) {
      service.kill();
      try (Allocation block = b.engine.allocate(4096)) {
        service.restart();
        TestEngine.eventually(
            "published",
            () -> {
              try {
                return a.engine.core().describe("b").buffers().stream()
                    .anyMatch(buffer -> buffer.address() == block.address());
              } catch (TransferException e) {
                return false;
              }
            });
      }
    }
  }

  @Test
  void anyOneOfThreeNodesOfEtcdMayDie() throws Exception {
    try (EtcdService service = EtcdService.cluster();
        TestEngine a = engine(service, "a");
        TestEngine b = engine(service, "b");
        Storm storm = new Storm(a, "b", b.address())) {
      for (int node = 0; node < 3; node++) {
        service.kill(node);
        // Whichever node they were talking to: nobody is to notice.
        for (int i = 0; i < 10; i++) {
          // What was freed is published soon, and nobody waits for it.
          TestEngine.eventually("freed", () -> a.engine.core().describe("b").buffers().size() == 1);
          try (Allocation block = b.engine.allocate(4096)) {
            // Perhaps by the next try: while the nodes elect a leader, none takes a record.
            TestEngine.eventually(
                "published",
                () ->
                    a.engine.core().describe("b").buffers().getLast().address() == block.address());
          }
          int before = storm.completed();
          TestEngine.eventually("the storm goes on", () -> storm.completed() > before + 10);
        }
        service.restart(node);
      }
      assertThat(storm.completed()).isPositive();
    }
  }
}
