// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.AppenderBase;
import io.netty.util.concurrent.EventExecutor;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.TcpIo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.slf4j.LoggerFactory;

/** Who waits for a block, and who gives it back, do not hear of one another. */
@Timeout(60)
class WindowPoolTest {
  private static final int BLOCK_BYTES = 4096;

  private final Arena arena = Arena.ofShared();
  private final List<Boolean> dry = new ArrayList<>();
  private final WindowPool pool =
      new WindowPool(
          arena.allocate((long) BLOCK_BYTES * WindowPool.BLOCKS_MIN, 64),
          BLOCK_BYTES,
          ReadReserve.none(),
          dry::add,
          new TlsBudget(0, () -> {}));

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void anAddressHasNoMoreThanItLeavesToOthers() throws Exception {
    // Seven blocks, one of them the lanes' alone.
    StagingShare first = pool.join(address(1));
    assertThat(takeAll(first)).hasSize(3);
    assertThat(dry).as("for that address alone").containsExactly(true);
    StagingShare second = pool.join(address(2));
    List<StagingBlock> ofSecond = takeAll(second);
    assertThat(ofSecond).hasSize(2);
    StagingShare third = pool.join(address(3));
    assertThat(takeAll(third)).hasSize(1);
    assertThat(takeAll(pool.join(address(4)))).isEmpty();
    assertThat(dry).as("the last finds none at all").endsWith(true, false, false);
    assertThat(takeAll(pool.lanes())).hasSize(1);
    // What comes back is for who has least.
    dry.clear();
    ofSecond.forEach(StagingBlock::release);
    assertThat(pool.block(first)).isNull();
    assertThat(takeAll(third)).hasSize(0);
    assertThat(dry).containsExactly(true, true);
    assertThat(pool.block(second)).isNotNull();
  }

  @Test
  void anAddressIsForgottenWithItsLastConnection() throws Exception {
    StagingShare share = pool.join(address(1));
    assertThat(pool.join(address(1))).isSameAs(share);
    StagingBlock block = Objects.requireNonNull(pool.block(share));
    pool.leave(address(1), share);
    assertThat(pool.addresses()).isEqualTo(1);
    pool.leave(address(1), share);
    assertThat(pool.addresses()).isZero();
    block.release();
    assertThat(takeAll(pool.join(address(1)))).hasSize(3);
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"EPOLL", "IO_URING", "NIO"})
  void whoWasServedAndLeavesIsForgotten(TcpIo io) throws Exception {
    try (ServedTarget target = new ServedTarget(io, 4096, 1, () -> "0123456789abcdef")) {
      EventExecutor loop = target.loops.next();
      for (int i = 0; i < 3; i++) {
        Socket peer = target.peer();
        assertServed(target, peer);
        assertThat(loop.submit(() -> target.loops.pool(loop).addresses()).get()).isEqualTo(1);
        peer.close();
        Awaitility.await()
            .untilAsserted(
                () ->
                    assertThat(loop.submit(() -> target.loops.pool(loop).addresses()).get())
                        .isZero());
      }
    }
  }

  /** Of who is refused without memory to say so nobody would tell that it has gone. */
  @Test
  void whoIsRefusedInAFullHeapIsForgotten() throws Exception {
    try (LogCapture _ = new LogCapture();
        ServedTarget target = new ServedTarget(TcpIo.NIO, 4096, 1, () -> "0123456789abcdef", 1)) {
      EventExecutor loop = target.loops.next();
      Socket first = target.peer();
      assertServed(target, first);
      Logger speaker = (Logger) LoggerFactory.getLogger(TargetServer.class);
      Unspeakable full = new Unspeakable();
      full.start();
      speaker.addAppender(full);
      try {
        assertThat(isEnded(target.peer())).isTrue();
      } finally {
        speaker.detachAppender(full);
      }
      first.close();
      Awaitility.await()
          .untilAsserted(
              () ->
                  assertThat(loop.submit(() -> target.loops.pool(loop).addresses()).get())
                      .isZero());
      assertServed(target, target.peer());
    }
  }

  /** A log in a full heap. */
  private static final class Unspeakable extends AppenderBase<ILoggingEvent> {
    @Override
    protected void append(ILoggingEvent event) {
      throw new OutOfMemoryError("meant to be thrown, by a log");
    }
  }

  private static void assertServed(ServedTarget target, Socket peer) throws IOException {
    peer.getOutputStream().write(target.header(8, 0, 0));
    assertThat(peer.getInputStream().readNBytes(8)).hasSize(8);
  }

  private static boolean isEnded(Socket peer) throws IOException {
    try {
      return peer.getInputStream().read() < 0;
    } catch (SocketException e) {
      return true;
    }
  }

  private List<StagingBlock> takeAll(StagingShare share) {
    List<StagingBlock> taken = new ArrayList<>();
    StagingBlock block;
    while ((block = pool.block(share)) != null) {
      taken.add(block);
    }
    return taken;
  }

  private static InetAddress address(int last) throws UnknownHostException {
    return InetAddress.getByAddress(new byte[] {10, 0, 0, (byte) last});
  }

  @Test
  void oneThatThrowsKeepsNobodyBehindItWaiting() {
    List<String> ran = new ArrayList<>();
    StagingBlock block = Objects.requireNonNull(pool.block(pool.lanes()));
    pool.whenFree(() -> ran.add("before"));
    pool.whenFree(
        () -> {
          throw new InternalError("meant to be thrown");
        });
    pool.whenFree(() -> ran.add("behind"));
    try (LogCapture log = new LogCapture()) {
      block.release();
      assertThat(ran).containsExactly("before", "behind");
      assertThat(log.warningsWithStacks())
          .singleElement()
          .asString()
          .contains("waited for staging", "meant to be thrown");
    }
  }
}
