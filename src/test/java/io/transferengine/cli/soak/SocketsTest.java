// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Counts this process's own, which nobody else opens or closes meanwhile. */
class SocketsTest {
  @Test
  void onlyWhatStaysWithoutAnAddressIsGivenUpAndNoMoreThanTheLimit() throws Exception {
    try (ServerSocketChannel listener = ServerSocketChannel.open()) {
      listener.bind(new InetSocketAddress(InetAddress.ofLiteral("127.0.0.1"), 0));
      Sockets sockets = new Sockets(Path.of("/proc/self"));
      // Earlier tests of this JVM may have left some.
      int none = sockets.giveUpLost(1000);
      int left = none + sockets.giveUpLost(1000);
      int before = sockets.connections();
      try (SocketChannel connected = SocketChannel.open(listener.getLocalAddress());
          SocketChannel lost = SocketChannel.open();
          SocketChannel alsoLost = SocketChannel.open()) {
        assertThat(connected.isConnected()).isTrue();
        assertThat(lost.isOpen() && alsoLost.isOpen()).isTrue();
        assertThat(sockets.connections()).isEqualTo(before + 3);
        assertThat(sockets.giveUpLost(left + 1)).as("seen for the first time").isZero();
        assertThat(sockets.giveUpLost(left + 1)).isOne();
        assertThat(sockets.giveUpLost(left + 1)).as("the limit").isZero();
        assertThat(sockets.connections()).isEqualTo(before + 2);
        assertThat(sockets.giveUpLost(left + 5)).isOne();
        assertThat(sockets.giveUpLost(left + 5)).isZero();
        assertThat(sockets.connections()).as("the one that is connected").isEqualTo(before + 1);
      }
    }
  }
}
