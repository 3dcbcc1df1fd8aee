// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
final class RoceMtuTest {
  @ParameterizedTest
  @CsvSource({
    "65536, 4096",
    "9000, 4096",
    "4200, 4096",
    "4192, 4096",
    "4191, 2048",
    "1500, 1024",
    "1119, 512",
    "352, 256"
  })
  void theLargestThatFitsWithItsHeaders(int netdevMtu, int expected) {
    assertThat(RoceMtu.within(netdevMtu)).hasValue(expected);
    assertThat(RoceMtu.neededFor(expected)).isLessThanOrEqualTo(netdevMtu);
  }

  @Test
  void tooSmallIsNone() {
    assertThat(RoceMtu.within(351)).isEmpty();
    assertThat(RoceMtu.within(0)).isEmpty();
    assertThat(RoceMtu.within(-1)).isEmpty();
  }

  @Test
  void theInterfaceIsAsked(@TempDir Path root) {
    FakeMachine machine = new FakeMachine(root);
    machine.write(machine.sys().resolve("class/net/eth0/mtu"), "4200");

    assertThat(RoceMtu.ofInterface(machine.sys(), "eth0")).hasValue(4200);
    assertThat(RoceMtu.ofInterface(machine.sys(), "eth1")).isEmpty();
  }
}
