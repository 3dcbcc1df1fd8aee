// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.events.EngineHealth;
import io.transferengine.events.EngineHealth.State;
import io.transferengine.metadata.server.HttpMetadataServer;
import java.lang.foreign.Arena;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an engine says of itself. */
@Timeout(120)
class EngineHealthTest {
  private static EngineHealth becomes(Engine engine, State state) {
    await().untilAsserted(() -> assertThat(engine.health().state()).isEqualTo(state));
    return engine.health();
  }

  @Test
  void anEngineIsUpUntilItIsClosed() {
    TestEngine engine = new TestEngine(4096);
    assertThat(engine.engine.health().state()).isEqualTo(State.UP);
    assertThat(engine.engine.health().problems()).isEmpty();
    assertThat(engine.engine.health()).hasToString("UP");
    engine.close();
    assertThat(engine.engine.health().state()).isEqualTo(State.DOWN);
    assertThat(engine.engine.health()).hasToString("DOWN: The engine is closed. Open another one.");
  }

  @Test
  void recordsThatAreNotInTheServiceAreAProblem() {
    HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0);
    String service = server.connectionString("127.0.0.1");
    int port = server.port();
    try (Engine engine =
            Engine.open(
                EngineConfig.builder("health-test")
                    .protocol("tcp")
                    .metadataServer(service)
                    .listenAddress("127.0.0.1")
                    .advertisedHost("127.0.0.1")
                    .build());
        Arena arena = Arena.ofShared()) {
      assertThat(engine.health().state()).isEqualTo(State.UP);
      server.close();
      // That is to be published.
      Registration registration = engine.register(arena.allocate(4096));
      EngineHealth health = becomes(engine, State.DEGRADED);
      assertThat(health.problems()).hasSize(1);
      assertThat(health.problems().getFirst().what())
          .contains("health-test", "not in the metadata service");
      assertThat(health.problems().getFirst().remedy()).contains("./te doctor");

      try (HttpMetadataServer _ = HttpMetadataServer.start("127.0.0.1", port)) {
        assertThat(becomes(engine, State.UP).problems()).isEmpty();
        registration.close();
      }
    } finally {
      server.close();
    }
  }

  @Test
  void problemsAreListedWithTheirRemedies() {
    EngineHealth health =
        EngineHealth.of(
            List.of(new EngineHealth.Problem("A", "B"), new EngineHealth.Problem("C", "D")));
    assertThat(health.state()).isEqualTo(State.DEGRADED);
    assertThat(health).hasToString("DEGRADED: A. B. C. D.");
  }
}
