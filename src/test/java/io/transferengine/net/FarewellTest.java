// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who is refused can read why, and cannot keep the thread that refuses it. */
@Timeout(60)
class FarewellTest {
  private ServerSocketChannel listener;
  private Socket client;
  private SocketChannel channel;

  @BeforeEach
  void connect() throws IOException {
    listener =
        ServerSocketChannel.open().bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    client = new Socket(InetAddress.getLoopbackAddress(), listener.socket().getLocalPort());
    client.setSoTimeout(20_000);
    channel = listener.accept();
  }

  @AfterEach
  void disconnect() throws IOException {
    channel.close();
    client.close();
    listener.close();
  }

  @Test
  void theAlertIsThereForWhoeverStillSends() throws Exception {
    AtomicReference<Throwable> thrown = new AtomicReference<>();
    Thread sender =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    // Less than is dropped; of a reset the client would hear before it has read.
                    client.getOutputStream().write(new byte[Farewell.DROPPED_BYTES_MAX / 2]);
                    client.shutdownOutput();
                  } catch (IOException e) {
                    thrown.set(e);
                  }
                });
    Farewell.alert(channel);
    channel.close();
    sender.join();
    assertThat(thrown).hasValue(null);
    assertThat(client.getInputStream().readAllBytes()).containsExactly(0x15, 3, 3, 0, 2, 2, 10);
  }

  @Test
  void whoNeverLeavesIsLeft() throws Exception {
    // A time-out from before does not cut it short, and none is needed.
    channel.socket().setSoTimeout(1);
    Farewell.linger(channel);
    assertThat(channel.isOpen()).as("closed by its limit").isFalse();
    assertThat(client.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void whoSendsForEverIsLeft() throws Exception {
    Thread sender =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    while (true) {
                      client.getOutputStream().write(new byte[1 << 16]);
                    }
                  } catch (IOException e) {
                    // It has been left.
                  }
                });
    Farewell.linger(channel);
    channel.close();
    sender.join();
  }

  @Test
  void whatEndsTheOutputMayThrowOrTakeForEver() throws Exception {
    Farewell.linger(
        channel,
        () -> {
          throw new IOException("meant to be thrown");
        });
    assertThat(channel.isOpen()).as("for its owner to close").isTrue();
    Farewell.linger(
        channel,
        () -> {
          // Nobody reads.
          while (true) {
            int _ = channel.write(ByteBuffer.allocate(1 << 16));
          }
        });
    assertThat(channel.isOpen()).isFalse();
  }
}
