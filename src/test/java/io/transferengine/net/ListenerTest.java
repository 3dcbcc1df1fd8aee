// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ListenerTest {
  private final Listener listener;

  ListenerTest() throws IOException {
    listener = Listener.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 10);
  }

  @Test
  void connectionsAreTakenOneByOneAndBlock() throws Exception {
    try (Socket first = connect();
        Socket _ = connect();
        SocketChannel taken = listener.accept();
        SocketChannel second = listener.accept()) {
      assertThat(taken.isBlocking()).isTrue();
      assertThat(taken.getRemoteAddress()).isEqualTo(first.getLocalSocketAddress());
      assertThat(second.isOpen()).isTrue();
    } finally {
      listener.close();
    }
  }

  @Test
  void whoWaitsIsTold() throws Exception {
    FutureTask<SocketChannel> waiting = new FutureTask<>(listener::accept);
    Thread thread = Thread.ofPlatform().daemon().start(waiting);
    try (Socket _ = connect();
        SocketChannel accepted = waiting.get(20, TimeUnit.SECONDS)) {
      assertThat(accepted.isOpen()).isTrue();
    } finally {
      listener.close();
    }
    thread.join();
  }

  @Test
  void closingEndsTheWaitAndFreesThePort() throws Exception {
    FutureTask<SocketChannel> waiting = new FutureTask<>(listener::accept);
    Thread thread = Thread.ofPlatform().daemon().start(waiting);
    while (thread.getStackTrace().length == 0 || thread.getState() != Thread.State.RUNNABLE) {
      Thread.onSpinWait();
    }
    listener.close();
    listener.close();
    assertThatThrownBy(() -> waiting.get(20, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(ClosedChannelException.class);
    assertThatThrownBy(this::connect).isInstanceOf(SocketException.class);
    Listener again = Listener.bind(listener.address(), 10);
    again.close();
  }

  @Test
  void aPortInUseIsNamedByTheSystem() {
    try {
      assertThatThrownBy(() -> Listener.bind(listener.address(), 10))
          .hasMessageContaining("in use");
    } finally {
      listener.close();
    }
  }

  private Socket connect() throws IOException {
    return new Socket(listener.address().getAddress(), listener.address().getPort());
  }
}
