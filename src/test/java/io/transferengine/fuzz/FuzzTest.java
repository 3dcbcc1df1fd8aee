// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/**
 * Lets Jazzer look for inputs that break a decoder, some seconds for each. {@code ./te fuzz} looks
 * longer.
 */
@Timeout(900)
class FuzzTest {
  /** For each target. {@code -Dfuzz.seconds=} takes another number. */
  private static final int SECONDS = Integer.getInteger("fuzz.seconds", 20);

  /**
   * The same each time: a change is not to fail for what others have overlooked. {@code ./te fuzz}
   * tries something else each time; here {@code -Dseed=} does, with 0 for any.
   */
  private static final int SEED = Integer.getInteger("seed", 1);

  /**
   * So many at a time, on a machine of two processors: a JVM that starts and instruments waits for
   * its disk as much as it computes, and the whole takes half of what two at a time take.
   */
  private static final int AT_ONCE = 4;

  private static final int LINES_SHOWN = 80;

  /** Stays if something was found. */
  @TempDir(cleanup = CleanupMode.ON_SUCCESS)
  Path folder;

  @Test
  void noInputBreaksADecoder() throws Exception {
    List<Future<FuzzRun.Result>> runs = new ArrayList<>();
    try (ExecutorService executor = Executors.newFixedThreadPool(AT_ONCE)) {
      for (String name : FuzzTargets.names()) {
        runs.add(
            executor.submit(
                () -> new FuzzRun(name, folder.resolve(name)).run(SECONDS, SEED, _ -> {})));
      }
    }
    List<String> failures = new ArrayList<>();
    for (Future<FuzzRun.Result> run : runs) {
      FuzzRun.Result result = run.get();
      System.out.println(result.line());
      if (!result.isClean()) {
        failures.add(end(result.output()) + "\n" + result.line());
      }
    }
    assertThat(failures).isEmpty();
  }

  private static String end(String output) {
    List<String> lines = output.lines().toList();
    return String.join("\n", lines.subList(Math.max(0, lines.size() - LINES_SHOWN), lines.size()));
  }
}
