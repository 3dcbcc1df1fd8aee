// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.target.EngineSetup;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random single faults between processes; {@code -Dfaults=} asks for more of them, of copies on one
 * machine {@code -Drounds=}; {@code -Dvariant=} and {@code -Dtls=} for some configurations only.
 */
@Timeout(300)
class FaultRigTest {
  private static final long FAULTS = Long.getLong("faults", 40);
  private static final long CHECKED_FAULTS = 20;
  private static final long LOCAL_ROUNDS = Long.getLong("rounds", 30);
  private static final int GROUPS = Integer.getInteger("groups", 2);
  private static final int MEMBERS = 2;

  /** Between two looks at the figures, and how many of them make a line. */
  private static final Duration STEP = Duration.ofMillis(100);

  private static final int LINE_STEPS = Integer.getInteger("lines", 600);

  @TempDir Path folder;

  /** Those that are asked for, else all, from one that the seed picks. */
  private static List<Configuration> configurations(long seed, String protocol) {
    String named = System.getProperty("variant");
    String tls = System.getProperty("tls");
    List<Configuration> all = new ArrayList<>();
    for (boolean encrypted : new boolean[] {false, true}) {
      if (tls == null || Boolean.parseBoolean(tls) == encrypted) {
        all.addAll(
            Configuration.of(
                (named == null
                        ? Arrays.stream(Variant.values())
                        : Stream.of(Variant.valueOf(named)))
                    .filter(variant -> variant.suits(protocol)),
                encrypted));
      }
    }
    if (protocol.equals(EngineSetup.LOCAL)) {
      all.removeIf(Configuration::tls);
    }
    Collections.rotate(all, (int) (seed % all.size()));
    return all;
  }

  @Test
  @Timeout(36_000)
  void nothingIsLostLateOrForeign() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime() >>> 10);
    strike(seed, EngineSetup.TCP, configurations(seed, EngineSetup.TCP), GROUPS, FAULTS, 0);
  }

  /** They are killed, stopped and closed, and memory is taken back, in the middle of copies. */
  @Test
  @Timeout(36_000)
  void nothingIsLostLateOrForeignInCopiesOnOneMachine() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime() >>> 10);
    List<Configuration> all = configurations(seed, EngineSetup.LOCAL);
    strike(seed, EngineSetup.LOCAL, all, GROUPS, 0, LOCAL_ROUNDS);
  }

  /** Blocks are freed and handed out again at once, while peers copy from and to them. */
  @Test
  @Timeout(36_000)
  void nothingIsLostLateOrForeignInManagedMemoryOnOneMachine() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime() >>> 10);
    List<Configuration> managed = List.of(new Configuration(Variant.MANAGED, false));
    strike(seed, EngineSetup.LOCAL, managed, GROUPS, 0, LOCAL_ROUNDS);
  }

  /** All that may be changed on the way, and nothing of it may arrive. */
  @Test
  void nothingIsWrongWithChecksumsOrTls() throws Exception {
    strike(
        Long.getLong("seed", System.nanoTime() >>> 10),
        EngineSetup.TCP,
        List.of(new Configuration(Variant.CHECKED, false), new Configuration(Variant.PLAIN, true)),
        2,
        CHECKED_FAULTS,
        0);
  }

  private static void strike(
      long seed,
      String protocol,
      List<Configuration> configurations,
      int groups,
      long faults,
      long rounds)
      throws Exception {
    System.out.println("FaultRigTest: replay with -Dseed=" + seed);
    Soak.Options options =
        new Soak.Options(
            CommandEnvironment.current(),
            protocol,
            configurations,
            groups,
            MEMBERS,
            seed,
            List.of(),
            Boolean.getBoolean("heap"),
            false);
    try (Soak soak = new Soak(options)) {
      soak.start();
      Figures figures = soak.figures();
      for (int i = 1; !(figures.faults() >= faults && figures.rounds() >= rounds); i++) {
        if (soak.await(STEP)) {
          break;
        }
        if (i % LINE_STEPS == 0) {
          System.out.println("FaultRigTest: " + soak.figures());
        }
      }
      soak.end();
      System.out.println("FaultRigTest: " + soak.figures());
      soak.failure()
          .ifPresent(
              failure -> {
                throw new AssertionError(
                    "-Dseed=%d -Dvariant=%s -Dtls=%s: %s"
                        .formatted(
                            failure.seed(),
                            failure.configuration().variant(),
                            failure.configuration().tls(),
                            failure.cause().getMessage()),
                    failure.cause());
              });
      assertThat(figures.faults()).isGreaterThanOrEqualTo(faults);
      assertThat(figures.rounds()).isGreaterThanOrEqualTo(rounds);
    }
  }

  /** The rig itself can fail. */
  @Test
  void aForeignByteIsFoundAndNamed() {
    Setup setup = Setup.of(CommandEnvironment.current(), folder, "tcp", Configuration.PLAIN);
    try (Run run = new Run(setup, 2, 1, new Figures())) {
      run.round();
      run.spoil();
      assertThatThrownBy(run::round)
          .isInstanceOf(AssertionError.class)
          .hasMessageContaining("Byte 0x0 of a is ")
          .hasMessageContaining("must not change");
    }
  }
}
