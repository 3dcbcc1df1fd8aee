// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.SuiteMain;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Runs the tests with the tag {@code schedules} in a JVM that may be instrumented. */
@Timeout(180)
class SchedulesTest {
  @Test
  void allHold() throws Exception {
    Path classes =
        Path.of(SchedulesTest.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    ChildJvm.Result result =
        ChildJvm.run(
            List.of(
                "-Xmx1g",
                "-XX:+EnableDynamicAgentLoading",
                "--sun-misc-unsafe-memory-access=allow",
                "--add-opens=java.base/jdk.internal.misc=ALL-UNNAMED",
                "--add-exports=java.base/jdk.internal.util=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            SuiteMain.class,
            "--no-skips",
            classes.toString(),
            "schedules");
    System.out.println(result.output());
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }
}
