// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.ChildJvm;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class HeapRoomTest {
  /** Else who fills the heap takes the rest of it while a descriptor has no owner yet. */
  @Test
  void aHeapThatIsAboutToBeFullHasNoRoom() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("-Xmx24m", "-XX:+UseSerialGC"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            HeapRoomMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }
}
