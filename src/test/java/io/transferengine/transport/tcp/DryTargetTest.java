// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.TcpIo;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * A target whose event loop has no staging left, with io_uring not even the block for reads, which
 * other connections have then: it serves on, without a pause and without losing a connection.
 */
@Timeout(120)
class DryTargetTest {
  private static final int SIZE = 1 << 20;
  private static final int PEERS = 8;

  private static final class Target extends ServedTarget {
    final LogCapture log = new LogCapture();
    private final boolean readsLater = backend == IoBackend.IO_URING;
    private final List<StagingBlock> stolen = new ArrayList<>();

    Target(TcpIo io) {
      super(io, SIZE, 1, () -> "1");
    }

    void dry() {
      onLoop(
          pool -> {
            StagingBlock block;
            while ((block = pool.block(pool.lanes())) != null) {
              stolen.add(block);
            }
            if (readsLater) {
              stolen.add(pool.readBlock());
            }
          });
    }

    void giveBack() {
      onLoop(
          _ -> {
            stolen.forEach(StagingBlock::release);
            stolen.clear();
          });
    }

    private interface OnPool {
      void run(WindowPool pool);
    }

    private void onLoop(OnPool action) {
      var loop = loops.all().getFirst();
      loop.submit(() -> action.run(loops.pool(loop))).syncUninterruptibly();
    }

    @Override
    public void close() throws IOException {
      giveBack();
      super.close();
      log.close();
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void requestsAreServedWithoutStaging(TcpIo io) throws Exception {
    try (Target target = new Target(io)) {
      List<Socket> peers = new ArrayList<>();
      for (int i = 0; i < PEERS; i++) {
        peers.add(target.peer());
      }
      assertServed(target, peers);
      target.dry();
      for (int round = 0; round < 3; round++) {
        assertServed(target, peers);
      }
      target.giveBack();
      assertServed(target, peers);
      assertThat(target.log.warnings()).isEmpty();
    }
  }

  /** A write of version 2, with a body in two parts, and a read behind it. */
  private static void assertServed(Target target, List<Socket> peers) throws IOException {
    int bytes = 3000;
    for (int i = 0; i < peers.size(); i++) {
      byte[] body = new byte[bytes];
      Arrays.fill(body, (byte) (i + 2));
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      out.writeBytes(target.header(bytes, (long) i * bytes, 0x81));
      out.write(body, 0, bytes / 2);
      peers.get(i).getOutputStream().write(out.toByteArray());
      out.reset();
      out.write(body, bytes / 2, bytes - bytes / 2);
      out.writeBytes(target.header(bytes, (long) i * bytes, 0x00));
      peers.get(i).getOutputStream().write(out.toByteArray());
    }
    for (int i = 0; i < peers.size(); i++) {
      byte[] status = peers.get(i).getInputStream().readNBytes(Frames.STATUS_BYTES);
      assertThat(status).hasSize(Frames.STATUS_BYTES);
      assertThat(peers.get(i).getInputStream().readNBytes(bytes))
          .hasSize(bytes)
          .containsOnly(i + 2);
    }
  }

  /**
   * Peers that ask for more than they take, so that reading is off, and end their streams, which
   * the kernel tells all the same.
   */
  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void peersThatEndTheirStreamsBeforeTheyTakeAnythingGetAllTheirAnswers(TcpIo io) throws Exception {
    int requests = 40;
    try (Target target = new Target(io)) {
      List<Socket> peers = new ArrayList<>();
      for (int i = 0; i < PEERS; i++) {
        peers.add(target.peer());
      }
      assertServed(target, peers);
      target.dry();
      long before = target.metrics.snapshot().get(Counter.INBOUND_REQUESTS);
      for (Socket peer : peers) {
        for (int i = 0; i < requests; i++) {
          peer.getOutputStream().write(target.header(SIZE, 0, 0x00));
        }
      }
      Awaitility.await()
          .until(() -> target.metrics.snapshot().get(Counter.INBOUND_REQUESTS) >= before + PEERS);
      for (Socket peer : peers) {
        peer.shutdownOutput();
      }
      for (Socket peer : peers) {
        assertThat(peer.getInputStream().readAllBytes()).hasSize(requests * SIZE);
      }
      assertThat(target.log.warnings()).isEmpty();
    }
  }
}
