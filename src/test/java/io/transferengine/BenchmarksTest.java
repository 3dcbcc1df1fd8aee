// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Collection;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/** Each benchmark of {@code src/jmh} still does what it says. What it costs is not looked at. */
@Timeout(300)
class BenchmarksTest {
  /** One that measures may run on this machine: what it costs is not looked at here. */
  private static final String IGNORE_LOCK = "jmh.ignoreLock";

  @TempDir private Path directory;

  @BeforeAll
  static void runBesideOthers() {
    System.setProperty(IGNORE_LOCK, "true");
  }

  @AfterAll
  static void clear() {
    System.clearProperty(IGNORE_LOCK);
  }

  /** A benchmark checks its own results and throws; then there is an error instead of a score. */
  @Test
  void allRun() throws Exception {
    Options options =
        new OptionsBuilder()
            .forks(0)
            .warmupIterations(0)
            .measurementIterations(1)
            .measurementTime(TimeValue.milliseconds(10))
            .shouldFailOnError(true)
            .output(directory.resolve("jmh.txt").toString())
            .build();

    Collection<RunResult> results = new Runner(options).run();

    Set<String> run = new TreeSet<>();
    for (RunResult result : results) {
      run.add(result.getParams().getBenchmark());
      assertThat(result.getPrimaryResult().getScore()).isPositive();
    }
    assertThat(run).hasSizeGreaterThan(10);
  }
}
