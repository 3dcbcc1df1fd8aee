// SPDX-License-Identifier: Apache-2.0
package io.transferengine.arrow;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ArrowMain;
import io.transferengine.testkit.ChildJvm;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * In a JVM of its own, for Arrow's sake: it looks into the JDK's buffers, which must be allowed.
 */
@Timeout(120)
class ArrowBufsTest {
  @Test
  void buffersMoveAndAreGivenBack() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of(
                "--add-opens=java.base/java.nio=ALL-UNNAMED",
                "--sun-misc-unsafe-memory-access=allow",
                "--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of("TE_LOCAL=off"),
            ArrowMain.class);
    assertThat(result.output())
        .contains(
            "registered: true false",
            "written: 512, count 2",
            "read: 512, last -1",
            "failed: 0, count 2",
            "closed");
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }
}
