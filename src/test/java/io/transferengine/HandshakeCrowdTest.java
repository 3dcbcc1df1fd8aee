// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.PeerProcess;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many handshakes at once at one engine, with clients connected that never say anything. */
@Timeout(60)
class HandshakeCrowdTest {
  private static final int PEERS = 200;
  private static final int SILENT = 20;

  @Test
  void allPeersAreAnsweredBesideSilentClients() throws Exception {
    List<SocketChannel> silent = new ArrayList<>();
    try (PeerProcess peer = PeerProcess.initialized(Map.of());
        TransferEngine engine = new TransferEngine();
        var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      final long first = peer.allocate(1000);
      int port = (int) peer.call("getRpcPort");
      for (int i = 0; i < SILENT; i++) {
        silent.add(
            SocketChannel.open(new InetSocketAddress(InetAddress.getLoopbackAddress(), port)));
      }
      CountDownLatch start = new CountDownLatch(1);
      List<Future<Integer>> probes = new ArrayList<>();
      List<Future<Long>> records = new ArrayList<>();
      for (int i = 0; i < PEERS; i++) {
        probes.add(
            threads.submit(
                () -> {
                  start.await();
                  return engine.sendProbe(peer.name());
                }));
        records.add(
            threads.submit(
                () -> {
                  start.await();
                  return engine.getFirstBufferAddress(peer.name());
                }));
      }
      start.countDown();
      for (Future<Integer> probe : probes) {
        assertThat(probe.get()).isZero();
      }
      for (Future<Long> record : records) {
        assertThat(record.get()).isEqualTo(first);
      }
    } finally {
      for (SocketChannel client : silent) {
        closeQuietly(client);
      }
    }
  }

  private static void closeQuietly(SocketChannel client) {
    try {
      client.close();
    } catch (IOException e) {
      // It was the peer's to close.
    }
  }
}
