// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class RelayTest {
  private static final InetSocketAddress ANY =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

  /** Else the bytes of a transfer that was canceled arrive while the next round runs. */
  @Test
  void aConnectionThatIsClosedBeforeItIsCarriedOnIsKnown() throws Exception {
    Trap trap = new Trap();
    trap.arm(new Fault(Act.STALL, Part.CONNECTION, 0, Fault.Place.START, 0), () -> {});
    try (ServerSocket target = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
        Relay relay = Relay.other(ANY, (InetSocketAddress) target.getLocalSocketAddress(), trap)) {
      try (Socket client = new Socket(InetAddress.getLoopbackAddress(), relay.port())) {
        client.getOutputStream().write(42);
      }
      relay.awaitAccepted();
      assertThat(relay.isConnecting()).isTrue();
      await().until(trap::hasStruck);
      assertThat(trap.end()).isTrue();
      await().until(() -> !relay.isConnecting());
      try (Socket arrived = target.accept()) {
        assertThat(arrived.getInputStream().readAllBytes()).containsExactly(42);
      }
      await().until(() -> relay.connections() == 0);
    }
  }
}
