// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.HostPort;
import java.io.Closeable;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class OwnerProbeTest {
  private static final InetAddress ONE = InetAddress.ofLiteral("192.0.2.1");
  private static final InetAddress OTHER = InetAddress.ofLiteral("192.0.2.2");

  private final OwnerProbe probe = new OwnerProbe(50_000);

  @Test
  void oneAddressGetsHalfOfTheProbes() throws Exception {
    List<Socket> silent = new ArrayList<>();
    try (ServerSocket engine =
            new ServerSocket(0, OwnerProbe.AT_ONCE, InetAddress.getLoopbackAddress());
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
        Closeable _ = () -> close(silent)) {
      engine.setSoTimeout(30_000);
      HostPort owner = new HostPort("127.0.0.1", engine.getLocalPort());
      List<Future<Optional<Boolean>>> asked = new ArrayList<>();
      for (int i = 0; i < OwnerProbe.AT_ONCE / 2; i++) {
        asked.add(threads.submit(() -> probe.isAlive(owner, ONE)));
        silent.add(engine.accept());
      }
      assertThat(probe.isAlive(owner, ONE)).isEmpty();
      asked.add(threads.submit(() -> probe.isAlive(owner, OTHER)));
      silent.add(engine.accept());
      close(silent);
      for (Future<Optional<Boolean>> each : asked) {
        assertThat(each.get()).contains(true);
      }
      asked.add(threads.submit(() -> probe.isAlive(owner, ONE)));
      silent.add(engine.accept());
    }
  }

  private static void close(List<Socket> sockets) throws IOException {
    for (Socket socket : sockets) {
      socket.close();
    }
  }
}
