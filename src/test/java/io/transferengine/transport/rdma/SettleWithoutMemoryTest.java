// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is not settled keeps the memory of its transfer for ever. */
@Timeout(120)
class SettleWithoutMemoryTest {
  @Test
  void requestsThatCannotGoBackFailAndNoneIsLeftOut() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("-Xmx64m", "-XX:+UseSerialGC", "--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            SettleWithoutMemoryMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    assertThat(result.output())
        .contains("ended 1 times")
        .contains("0 requests out")
        .contains("outcome FAILED");
  }
}
