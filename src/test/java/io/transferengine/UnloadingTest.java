// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.UnloadMain;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** An application server takes an application away, and its class loader with it. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class UnloadingTest {
  @ParameterizedTest
  @CsvSource({"NIO, off", "EPOLL, off", "EPOLL, required"})
  void closedEnginesLeaveNothingWithTheThreadThatUsedThem(String io, String local)
      throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("--enable-native-access=ALL-UNNAMED", "-XX:SoftRefLRUPolicyMSPerMB=0"),
            ChildJvm.classPath(_ -> true),
            List.of("TE_TCP_IO=" + io, "TE_LOCAL=" + local),
            UnloadMain.class);

    assertThat(result.output()).contains(UnloadMain.UNLOADED);
    assertThat(result.exitStatus()).isZero();
  }
}
