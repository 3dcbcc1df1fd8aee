// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelConfig;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What ends a connection is told for what it is: the peer's end, or a fault of this process. */
@Timeout(60)
class WireHandlerTest {
  private static final String HERE = WireHandlerTest.class.getSimpleName() + ".java";

  private final Arena arena = Arena.ofShared();
  private final List<Object> ends = new ArrayList<>();
  private final List<Throwable> faults = new ArrayList<>();
  private @Nullable Throwable thrownByStaged;
  private @Nullable Error thrownByEnd;
  private final WindowPool pool =
      new WindowPool(
          arena.allocate(1 << 20, 64),
          4096,
          ReadReserve.none(),
          _ -> {},
          new TlsBudget(0, () -> {}));
  private final Handler handler = new Handler(pool);
  private boolean configThrows;
  private int quiesced;
  private int quiescedThrows;
  private @Nullable Error thrownByFault;
  private final EmbeddedChannel channel =
      new EmbeddedChannel(handler) {
        @Override
        public ChannelConfig config() {
          if (configThrows) {
            throw new IllegalStateException("meant to be thrown");
          }
          return super.config();
        }
      };

  private final class Handler extends WireHandler {
    Handler(WindowPool pool) {
      super(pool, pool.lanes(), new EngineMetrics());
    }

    @Override
    void onStaged(MemoryWindow window, long from, long to) {}

    @Override
    void onDirect(int bytes) {}

    @Override
    void onReadComplete() {
      if (thrownByStaged instanceof Error error) {
        throw error;
      }
      if (thrownByStaged != null) {
        throw (RuntimeException) thrownByStaged;
      }
    }

    @Override
    void onEndOfStream(@Nullable Throwable error) {
      Error thrown = thrownByEnd;
      if (thrown != null) {
        throw thrown;
      }
      ends.add(error == null ? "orderly" : error);
    }

    @Override
    void onFault(Throwable fault) {
      faults.add(fault);
      Error thrown = thrownByFault;
      if (thrown != null) {
        throw thrown;
      }
    }

    @Override
    void onWritable() {}

    @Override
    void onQuiesced() {
      if (quiescedThrows-- > 0) {
        throw new OutOfMemoryError("meant to be thrown");
      }
      quiesced++;
    }

    @Override
    public long directAddress() {
      return 0;
    }

    @Override
    public long directBytes() {
      return 0;
    }

    @Override
    public int stagedBytesLimit() {
      return 4096;
    }

    @Override
    public void bodyReleased(Object attachment) {}
  }

  @AfterEach
  void close() {
    var _ = channel.finishAndReleaseAll();
    arena.close();
  }

  static List<Throwable> faults() {
    return List.of(
        new InternalError("a page was lost"),
        new StackOverflowError("a bug"),
        new NoClassDefFoundError("a jar that went away"),
        new IllegalStateException("a bug"),
        new NullPointerException("a bug"));
  }

  @ParameterizedTest
  @MethodSource("faults")
  void whatWeThrowIsAFaultWithItsStackAndNoEndOfTheStream(Throwable thrown) {
    try (LogCapture log = new LogCapture()) {
      thrownByStaged = thrown;
      channel.pipeline().fireChannelReadComplete();
      assertThat(faults).containsExactly(thrown);
      assertThat(ends).isEmpty();
      assertThat(log.warningsWithStacks())
          .singleElement()
          .asString()
          .contains("closed by a fault of this process", String.valueOf(thrown.getMessage()), HERE);
    }
  }

  /** A peer that finds a mistake of ours could fill the disk with it, connection by connection. */
  @Test
  void ofManyFaultsOnOneLoopOneIsLogged() {
    try (LogCapture log = new LogCapture()) {
      for (int i = 0; i < 1000; i++) {
        handler.fault(new IllegalStateException("a bug"));
      }
      assertThat(faults).as("each connection is told").hasSize(1000);
      assertThat(log.warnings()).hasSizeLessThan(1000);
      assertThat(log.warnings().getFirst())
          .contains("closed by a fault of this process", "more such errors were held back");
    }
  }

  /** There may be no memory for the promise, or for the task that reports the end. */
  @Test
  void aCloseThatFailedIsDoneAgain() {
    AtomicInteger failing = new AtomicInteger(1);
    channel
        .pipeline()
        .addFirst(
            new ChannelOutboundHandlerAdapter() {
              @Override
              public void close(ChannelHandlerContext context, ChannelPromise promise) {
                if (failing.getAndDecrement() > 0) {
                  throw new OutOfMemoryError("meant to be thrown");
                }
                var _ = context.close(promise);
              }
            });
    handler.finishClosing();
    handler.finishClosing();
    assertThat(channel.isOpen()).as("nobody has closed it").isTrue();
    handler.close();
    channel.runPendingTasks();
    assertThat(channel.isOpen()).isTrue();
    handler.finishClosing();
    handler.finishClosing();
    channel.runPendingTasks();
    assertThat(channel.isOpen()).isFalse();
    assertThat(quiesced).isEqualTo(1);
  }

  /** Netty does nothing more for a channel whose close has thrown half-way. */
  @Test
  void aCloseThatNeverHappensIsForced() {
    channel
        .pipeline()
        .addFirst(
            new ChannelOutboundHandlerAdapter() {
              @Override
              public void close(ChannelHandlerContext context, ChannelPromise promise) {
                // Taken for one that is on its way.
              }
            });
    handler.close();
    for (int look = 0; look < 6; look++) {
      handler.finishClosing();
      channel.runPendingTasks();
    }
    assertThat(channel.isOpen()).isFalse();
    assertThat(quiesced).isEqualTo(1);
  }

  @Test
  void anEndThatNobodyReportedIsFound() {
    channel
        .pipeline()
        .addFirst(
            new ChannelInboundHandlerAdapter() {
              @Override
              public void channelInactive(ChannelHandlerContext context) {
                // Lost on the way.
              }
            });
    handler.close();
    channel.runPendingTasks();
    assertThat(channel.isOpen()).isFalse();
    assertThat(quiesced).isZero();
    handler.finishClosing();
    handler.finishClosing();
    handler.finishClosing();
    assertThat(quiesced).isEqualTo(1);
  }

  /** Else it would stay open, and what arrives be taken for something else. */
  @Test
  void aFaultWhoseHandlingThrowsEndsTheConnection() {
    thrownByFault = new OutOfMemoryError("meant to be thrown");
    channel.pipeline().fireExceptionCaught(new IllegalStateException("a bug"));
    assertThat(faults).isNotEmpty();
    assertThat(channel.isOpen()).isTrue();
    handler.finishClosing();
    handler.finishClosing();
    channel.runPendingTasks();
    assertThat(channel.isOpen()).isFalse();
    assertThat(quiesced).isEqualTo(1);
  }

  @Test
  void whatItHeldIsGivenBackLaterIfThatThrows() {
    quiescedThrows = 2;
    handler.close();
    channel.runPendingTasks();
    assertThat(quiesced).isZero();
    for (int look = 0; look < 4; look++) {
      try {
        handler.finishClosing();
      } catch (OutOfMemoryError e) {
        // The server looks again.
      }
    }
    assertThat(quiesced).isEqualTo(1);
  }

  @Test
  void whatTheHandlerOfFaultsThrowsIsAFaultToo() {
    thrownByEnd = new OutOfMemoryError("meant to be thrown");
    channel.pipeline().fireExceptionCaught(new IOException("Connection reset by peer"));
    assertThat(faults).containsExactly(thrownByEnd);
  }

  @Test
  void whatTheSocketSaysIsTheEndOfTheStream() {
    try (LogCapture log = new LogCapture()) {
      IOException reset = new IOException("Connection reset by peer");
      channel.pipeline().fireExceptionCaught(reset);
      channel.pipeline().fireExceptionCaught(new UncheckedIOException(reset));
      assertThat(ends).containsExactly(reset, reset);
      assertThat(faults).isEmpty();
      assertThat(log.warnings()).isEmpty();
    }
  }

  /** Or it would stay as it is, and never read again. */
  @Test
  void oneThatCannotGoOnWhenThereIsStagingAgainEnds() {
    StagingBlock block = Objects.requireNonNull(pool.block(pool.lanes()));
    try (LogCapture log = new LogCapture()) {
      handler.onStagingDry();
      configThrows = true;
      block.release();
      configThrows = false;
      assertThat(faults).singleElement().isInstanceOf(IllegalStateException.class);
      assertThat(log.warningsWithStacks())
          .singleElement()
          .asString()
          .contains("closed by a fault of this process", "meant to be thrown");
    }
  }
}
