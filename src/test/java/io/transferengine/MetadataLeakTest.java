// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Engines that were opened and closed leave no thread and no file descriptor behind. */
@Timeout(240)
class MetadataLeakTest {
  /** Pools of threads and buffers that are shared by all have their size by then. */
  private static final int WARM_UP = 20;

  private static final int CYCLES = 100;

  /** Less than one for each of the remaining cycles by far; others come and go meanwhile. */
  private static final int NOISE = 12;

  static Stream<Named<Supplier<TestService>>> services() {
    return Stream.of(
        Named.of("our HTTP server", OwnHttpService::plain),
        Named.of("redis", RedisService::plain),
        Named.of("etcd", EtcdService::single));
  }

  private static long descriptors() {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("services")
  void nothingIsLeftOfAHundredEngines(Supplier<TestService> kind) {
    try (TestService service = kind.get();
        Engine peer =
            Engine.open(EngineConfigs.named("peer", service.connectionString()).build())) {
      long threads = 0;
      long files = 0;
      for (int cycle = 1; cycle <= CYCLES; cycle++) {
        try (Engine engine =
            Engine.open(EngineConfigs.named("cycle", service.connectionString()).build())) {
          assertThat(engine.openSegment("peer").buffers()).isEmpty();
        }
        if (cycle == WARM_UP) {
          threads = Thread.getAllStackTraces().size();
          files = descriptors();
        }
      }
      long threadsThen = threads + NOISE;
      long filesThen = files + NOISE;
      TestEngine.eventually(
          "threads as before", () -> Thread.getAllStackTraces().size() <= threadsThen);
      TestEngine.eventually("files as before", () -> descriptors() <= filesThen);
      assertThat(peer.segmentName()).isEqualTo("peer");
    }
  }
}
