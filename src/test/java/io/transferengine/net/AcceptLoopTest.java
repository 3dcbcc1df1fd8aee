// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.logging.WarnLimiter;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;

@Timeout(60)
class AcceptLoopTest {
  @Test
  void aConnectionThatIsNotTakenOverIsClosed() throws IOException {
    try (SocketChannel first = SocketChannel.open();
        SocketChannel second = SocketChannel.open()) {
      Queue<SocketChannel> coming = new ArrayDeque<>(List.of(first, second));
      new AcceptLoop(
              "connections",
              () -> {
                if (coming.isEmpty()) {
                  throw new ClosedChannelException();
                }
                return coming.remove();
              },
              channel -> {
                if (channel.equals(first)) {
                  throw new OutOfMemoryError("a test's");
                }
              },
              new WarnLimiter(LoggerFactory.getLogger(AcceptLoopTest.class)))
          .run();
      assertThat(first.isOpen()).isFalse();
      assertThat(second.isOpen()).as("the loop goes on").isTrue();
      assertThat(coming).isEmpty();
    }
  }
}
