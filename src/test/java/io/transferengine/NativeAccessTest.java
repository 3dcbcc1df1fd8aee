// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.OpenMain;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A JVM that refuses native access: opening fails at once, and names the option. */
@Timeout(120)
class NativeAccessTest {
  @Test
  void refusedNativeAccessIsToldWhenAnEngineIsOpened() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("--illegal-native-access=deny"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            OpenMain.class,
            "tcp");
    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertThat(result.output())
        .contains("typed: NOT_IMPLEMENTED")
        .contains("--enable-native-access=ALL-UNNAMED");
    assertThat(result.output()).containsPattern("status: -\\d+");
  }

  /** A warning is the JVM's affair: the engine works. */
  @Test
  void withoutAnyOptionAnEngineOpens() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(List.of(), ChildJvm.classPath(_ -> true), List.of(), OpenMain.class, "tcp");
    assertThat(result.output()).contains("typed: opened, port true", "status: 0");
  }
}
