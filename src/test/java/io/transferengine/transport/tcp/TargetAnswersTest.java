// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** When the answers of a target leave that were made while requests had to wait. */
@Timeout(60)
class TargetAnswersTest {
  private static final int SMALL = 1000;
  private static final int LARGE = 64 << 10;
  private static final int LAST = 2000;

  /** Does something at the first large body that passes. */
  private static final class AtLargeBody extends ChannelOutboundHandlerAdapter {
    private final Runnable action;
    private boolean done;

    AtLargeBody(Runnable action) {
      this.action = action;
    }

    @Override
    public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
      if (!done && ((MemoryWindow) message).readableBytes() == LARGE) {
        done = true;
        action.run();
      }
      var _ = context.write(message, promise);
    }
  }

  /**
   * A peer may wait for that answer before it goes on with what the next request waits for. That
   * one waits because its host connects once more just before it is looked at.
   */
  @Test
  void anAnswerLeavesBeforeTheRequestBehindItWaitsForItsTurn() {
    try (FedTarget target = new FedTarget(1 << 20)) {
      List<EmbeddedChannel> others = new ArrayList<>();
      target.channel.pipeline().addFirst(new AtLargeBody(() -> others.add(target.acceptAnother())));
      List<StagingBlock> taken = takeAllBlocksButOne(target.pool);
      assertThat(target.feed(threeReads(target))).isEqualTo(1);
      assertThat(others).isEmpty();
      taken.forEach(StagingBlock::release);
      // It had left from where it lies; the rest waits until it is gone.
      assertThat(target.answers()).hasSize(SMALL);
      target.channel.runPendingTasks();
      assertThat(others).hasSize(1);
      assertThat(target.answers()).hasSize(LARGE);
      target.channel.runPendingTasks();
      assertThat(target.answers()).isEmpty();
      untilAnswered(target, others.getFirst());
      assertThat(target.answers()).hasSize(LAST);
      var _ = others.getFirst().close();
    }
  }

  private static void untilAnswered(FedTarget target, EmbeddedChannel other) {
    while (target.channel.outboundMessages().isEmpty()) {
      other.runPendingTasks();
      target.channel.runPendingTasks();
    }
  }

  private static byte[] threeReads(FedTarget target) {
    ByteBuffer all = ByteBuffer.allocate(3 * 24).order(ByteOrder.LITTLE_ENDIAN);
    for (int size : new int[] {SMALL, LARGE, LAST}) {
      all.putLong(size).putLong(target.address()).putLong(0);
    }
    return all.array();
  }

  private static List<StagingBlock> takeAllBlocksButOne(WindowPool pool) {
    List<StagingBlock> taken = new ArrayList<>();
    StagingShare peer = pool.join(InetAddress.getLoopbackAddress());
    while (pool.hasBlock(peer)) {
      StagingBlock block = pool.block(pool.lanes());
      if (block != null) {
        taken.add(block);
      }
    }
    taken.removeLast().release();
    return taken;
  }
}
