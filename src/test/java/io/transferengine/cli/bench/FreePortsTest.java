// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Needs;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;

class FreePortsTest {
  /** Where the machine leaves any: on ours the kernel's range is not all ports. */
  @Test
  void noOutgoingConnectionGetsOne() throws Exception {
    int[] outgoing = FreePorts.outgoing();
    assertThat(outgoing[0]).isLessThan(outgoing[1]);
    Needs.ofMachine(
        outgoing[0] > 25_000 || outgoing[1] < 60_000, "ip_local_port_range leaves no ports");
    for (int i = 0; i < 100; i++) {
      int port = FreePorts.next();
      assertThat(port < outgoing[0] || port > outgoing[1]).as("port %d", port).isTrue();
      try (ServerSocket server = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
        assertThat(server.isBound()).isTrue();
      }
    }
  }
}
