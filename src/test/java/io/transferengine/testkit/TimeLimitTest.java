// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Every test has a limit, one without {@code @Timeout} too, and what hangs in a loop that no
 * interrupt ends is left behind. This class has no {@code @Timeout}, on purpose.
 */
class TimeLimitTest {
  /** Only what has a limit runs on a thread that JUnit started for it. */
  private static final String LIMITED = "junit-timeout-thread-";

  private static String beforeAll = "";
  private String beforeEach = "";

  @BeforeAll
  static void once() {
    beforeAll = Thread.currentThread().getName();
  }

  @BeforeEach
  void before() {
    beforeEach = Thread.currentThread().getName();
  }

  @AfterEach
  void after() {
    assertLimited(Thread.currentThread().getName());
  }

  @Test
  void aTestAndWhatGoesBeforeItHaveALimit() {
    assertLimited(Thread.currentThread().getName());
    assertLimited(beforeEach);
    assertLimited(beforeAll);
  }

  @ParameterizedTest
  @ValueSource(ints = 1)
  void aTestWithParametersHasOneToo(int parameter) {
    assertThat(parameter).isOne();
    assertLimited(Thread.currentThread().getName());
  }

  private static void assertLimited(String thread) {
    assertThat(thread).startsWith(LIMITED);
  }

  /** As in the guest, where JUnit is started by {@link SuiteMain}. */
  @Test
  void whatHangsFailsByTheDefaultLimit() throws Exception {
    Path classes =
        Path.of(SuiteMain.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Djunit.jupiter.execution.timeout.default=1 s",
                "-cp",
                System.getProperty(
                    "surefire.test.class.path", System.getProperty("java.class.path")),
                SuiteMain.class.getName(),
                "--limit=60",
                classes.toString(),
                HangingExample.TAG)
            .redirectErrorStream(true)
            .start();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      assertThat(output).contains("hangingTest() timed out after 1 second");
      assertThat(output).contains("hangingBefore() timed out after 1 second");
      assertThat(output).contains("0 passed, 2 failed, 0 skipped");
      assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
      assertThat(process.exitValue()).isOne();
    } finally {
      process.destroyForcibly();
    }
  }
}
