// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.Channel;
import io.transferengine.transfer.TcpIo;
import java.io.IOException;
import java.net.Socket;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A crowd that connects again and again beyond a limit is not kept in memory. */
@Timeout(60)
class RefusedConnectionsTest {
  private static final int CROWD = 200;

  @Test
  void nothingStaysOfWhoIsRefused() throws Exception {
    try (ServedTarget target = new ServedTarget(TcpIo.NIO, 4096, 1, () -> "0123456789abcdef", 1)) {
      Socket busy = target.peer();
      busy.getOutputStream().write(target.header(4096, 0, 0), 0, 3);
      for (int i = 0; i < CROWD; i++) {
        try (Socket refused = target.peer()) {
          assertThat(endOf(refused)).isTrue();
        }
      }
      Channel listener = Objects.requireNonNull(target.server.listener());
      // What its loop does at the end of a connection, it has done by then.
      listener.eventLoop().submit(() -> {}).get(20, TimeUnit.SECONDS);
      assertThat(target.server.arrivals()).isZero();
    }
  }

  private static boolean endOf(Socket socket) {
    try {
      return socket.getInputStream().read() < 0;
    } catch (IOException reset) {
      return true;
    }
  }
}
