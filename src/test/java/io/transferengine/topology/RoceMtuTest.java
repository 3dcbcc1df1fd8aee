// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
final class RoceMtuTest {
  @Test
  void aFrameHasRoomForTheHeaders() {
    assertThat(RoceMtu.neededFor(4096)).isEqualTo(4192);
    assertThat(RoceMtu.neededFor(1024)).isLessThanOrEqualTo(1500);
  }

  @Test
  void theInterfaceIsAsked(@TempDir Path root) {
    FakeMachine machine = new FakeMachine(root);
    machine.write(machine.sys().resolve("class/net/eth0/mtu"), "4200");

    assertThat(RoceMtu.ofInterface(machine.sys(), "eth0")).hasValue(4200);
    assertThat(RoceMtu.ofInterface(machine.sys(), "eth1")).isEmpty();
  }
}
