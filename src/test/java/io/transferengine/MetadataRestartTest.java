// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** An engine is killed and comes back under its own name at once, on each service. */
@Timeout(180)
class MetadataRestartTest {
  private static final int LENGTH = 8192;
  private static final Duration TIME = Duration.ofSeconds(20);

  static Stream<Named<Supplier<TestService>>> services() {
    return Stream.of(
        Named.of("our HTTP server", OwnHttpService::plain),
        Named.of("a server of Mooncake's kind", ForeignHttpService::new),
        Named.of("redis", RedisService::plain),
        Named.of("etcd", EtcdService::single));
  }

  private static PeerProcess engine(TestService service) {
    PeerProcess peer =
        PeerProcess.start(
            Map.of("MC_TCP_BIND_ADDRESS", "127.0.0.1", "TE_METADATA_TTL_SECONDS", "3"));
    try {
      peer.register("node", service.connectionString());
      return peer;
    } catch (Throwable t) {
      peer.close();
      throw t;
    }
  }

  @ParameterizedTest
  @MethodSource("services")
  void aKilledEngineComesBackUnderItsName(Supplier<TestService> kind) throws Exception {
    try (TestService service = kind.get();
        TestEngine initiator =
            new TestEngine(
                LENGTH, ignored -> EngineConfigs.named("initiator", service.connectionString()))) {
      try (PeerProcess first = engine(service)) {
        long remote = first.allocate(LENGTH);
        assertCompleted(initiator.submit(Operation.WRITE, "node", remote, LENGTH));
        first.kill();
      }
      try (PeerProcess second = engine(service)) {
        assertThat(second.call("getFirstBufferAddress", "node")).isZero();
        long remote = second.allocate(LENGTH);
        initiator.put(0, TestEngine.random(7, LENGTH));
        assertCompleted(initiator.submit(Operation.WRITE, "node", remote, LENGTH));
        assertThat(second.text("readBytesFromBuffer", remote, LENGTH))
            .isEqualTo(java.util.Base64.getEncoder().encodeToString(TestEngine.random(7, LENGTH)));

        // While it lives, nobody else gets its name, and its records stay as they are.
        assertThatThrownBy(
                () ->
                    Engine.open(EngineConfigs.named("node", service.connectionString()).build())
                        .close())
            .isInstanceOf(TransferException.class)
            .hasMessageContaining("belongs to another engine");
        assertThat(initiator.engine.core().describe("node").buffers().getFirst().address())
            .isEqualTo(remote);
        second.kill();
      }
      if (!(service instanceof ForeignHttpService)) {
        assertRecordsVanish(service);
      }
    }
  }

  /** Over HTTP nothing tells of a change. */
  @Test
  void whatIsKnownIsFetchedAnewEverySoOften() {
    try (TestService service = OwnHttpService.plain();
        TestEngine peer =
            new TestEngine(
                LENGTH, ignored -> EngineConfigs.named("peer", service.connectionString()));
        TestEngine initiator =
            new TestEngine(
                LENGTH,
                ignored ->
                    EngineConfigs.named("initiator", service.connectionString())
                        .metadataRefreshIntervalSeconds(1))) {
      assertThat(initiator.engine.openSegment("peer").buffers()).hasSize(1);
      try (Allocation more = peer.engine.allocate(4096)) {
        TestEngine.eventually(
            "fetched anew",
            () ->
                initiator.engine.openSegment("peer").buffers().getLast().address()
                    == more.address());
      }
    }
  }

  private static void assertRecordsVanish(TestService service) throws InterruptedException {
    long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    try (MetadataStore store =
        MetadataStores.open(service.connectionString(), Settings.fromMap(Map.of())).orElseThrow()) {
      while (store.get("mooncake/ram/node", TIME).isPresent()
          || store.get("mooncake/rpc_meta/node", TIME).isPresent()) {
        assertThat(System.nanoTime()).as("the records are still there").isLessThan(endNanos);
        Thread.sleep(100);
      }
    }
  }
}
