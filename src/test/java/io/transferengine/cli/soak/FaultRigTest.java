// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.console.CommandEnvironment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Random single faults between processes; {@code -Dfaults=} asks for more of them. */
@Timeout(300)
class FaultRigTest {
  private static final long FAULTS = Long.getLong("faults", 40);
  private static final int GROUPS = Integer.getInteger("groups", 2);
  private static final int MEMBERS = 2;

  /** Between two looks at the figures, and how many of them make a line. */
  private static final Duration STEP = Duration.ofMillis(100);

  private static final int LINE_STEPS = Integer.getInteger("lines", 600);

  @TempDir Path folder;

  private static List<Variant> variants() {
    String named = System.getProperty("variant");
    return named == null ? Arrays.asList(Variant.values()) : List.of(Variant.valueOf(named));
  }

  @Test
  @Timeout(36_000)
  void nothingIsLostLateOrForeign() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime() >>> 10);
    System.out.println("FaultRigTest: replay with -Dseed=" + seed);
    Soak.Options options =
        new Soak.Options(
            CommandEnvironment.current(), "tcp", variants(), GROUPS, MEMBERS, seed, false);
    try (Soak soak = new Soak(options)) {
      soak.start();
      for (int i = 1; soak.figures().faults() < FAULTS && !soak.await(STEP); i++) {
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
                    "-Dseed=%d -Dvariant=%s: %s"
                        .formatted(failure.seed(), failure.variant(), failure.cause().getMessage()),
                    failure.cause());
              });
      assertThat(soak.figures().faults()).isGreaterThanOrEqualTo(FAULTS);
    }
  }

  /** The rig itself can fail. */
  @Test
  void aForeignByteIsFoundAndNamed() {
    Setup setup = new Setup(CommandEnvironment.current(), folder, "tcp", Variant.PLAIN);
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
