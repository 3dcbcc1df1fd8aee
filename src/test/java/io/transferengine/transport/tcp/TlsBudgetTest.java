// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.reflect.Proxy;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is encrypted and waits for sockets is bounded over all connections, and stops none. */
@Timeout(60)
class TlsBudgetTest {
  private static final int RECORD = TlsSocket.RECORD_BYTES;
  private static final int BODY = 1 << 20;

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate(BODY, 64);
  private int dry;
  private final TlsBudget budget = new TlsBudget(4L * RECORD, () -> dry++);
  private final WindowPool pool =
      new WindowPool(arena.allocate(1 << 20, 64), 4096, ReadReserve.none(), _ -> {}, budget);
  private final List<Connection> connections = new ArrayList<>();

  @AfterEach
  void close() {
    connections.forEach(Connection::end);
    assertThat(budget.take(4 * RECORD)).as("all was given back").isTrue();
    assertThat(budget.take(1)).isFalse();
    budget.hold(4 * RECORD - 1);
    assertThat(budget.mayReadMuch()).as("all that was held was let go").isTrue();
    budget.hold(1);
    assertThat(budget.mayReadMuch()).isFalse();
    arena.close();
  }

  /** A connection whose handshake is over, and whose socket takes what a test says. */
  private final class Connection {
    final Deque<ChannelPromise> waiting = new ArrayDeque<>();
    final EmbeddedChannel channel;
    final TlsSocket socket;
    long sentBytes;

    Connection() throws Exception {
      socket =
          new TlsSocket(
              new ReceiveAllocator(pool, pool.lanes(), new NothingToRead()),
              budget,
              SSLContext.getDefault().createSSLEngine(),
              new TlsSocket.Guard() {
                @Override
                public void verify(SSLSession session) {}

                @Override
                public void refused(Throwable cause) {}
              });
      channel = new EmbeddedChannel(new Kernel(), socket);
      channel.pipeline().fireUserEventTriggered(SslHandshakeCompletionEvent.SUCCESS);
      connections.add(this);
    }

    private final class Kernel extends ChannelOutboundHandlerAdapter {
      @Override
      public void write(ChannelHandlerContext at, Object message, ChannelPromise promise) {
        sentBytes += ((ByteBuf) message).readableBytes();
        ((ByteBuf) message).release();
        waiting.addLast(promise);
      }

      @Override
      public void flush(ChannelHandlerContext at) {}
    }

    void send(int bytes) {
      ChannelHandlerContext at = channel.pipeline().context(TlsSocket.class);
      socket.write(at, pool.window(memory.address(), bytes, bytes, null), at.newPromise());
      socket.flush(at);
    }

    /** The kernel takes its oldest record. */
    void take() {
      waiting.removeFirst().setSuccess();
      channel.runPendingTasks();
    }

    int records() {
      return waiting.size();
    }

    /** There is memory to write so many records, and none for the next one. */
    void findsNoMemoryAfter(int records) {
      ChannelHandlerContext real = channel.pipeline().context(TlsSocket.class);
      AtomicInteger left = new AtomicInteger(records);
      Object scarce =
          Proxy.newProxyInstance(
              ChannelHandlerContext.class.getClassLoader(),
              new Class<?>[] {ChannelHandlerContext.class},
              (_, method, given) -> {
                boolean makesPromise =
                    method.getName().equals("newPromise")
                        || (method.getName().equals("write") && given.length == 1);
                if (makesPromise && left.getAndDecrement() == 0) {
                  throw new OutOfMemoryError("meant to be thrown");
                }
                return method.invoke(real, given);
              });
      socket.handlerAdded((ChannelHandlerContext) scarce);
    }

    /** So many bytes were decrypted. */
    void arrive(int bytes) {
      channel
          .pipeline()
          .context(Kernel.class)
          .fireChannelRead(UnpooledByteBufAllocator.DEFAULT.buffer(bytes).writeZero(bytes));
    }

    /** {@return the size of its next read, when all before have filled their buffers} */
    int nextReadBytes() {
      var reads = new OpenReads(channel, budget).newHandle();
      int bytes = 0;
      for (int i = 0; i < 10; i++) {
        ByteBuf buffer = reads.allocate(UnpooledByteBufAllocator.DEFAULT);
        bytes = buffer.writableBytes();
        buffer.release();
        reads.attemptedBytesRead(bytes);
        reads.lastBytesRead(bytes);
        reads.readComplete();
      }
      return bytes;
    }

    /** As the socket's end fails all that it has not taken. */
    void end() {
      ChannelPromise next;
      while ((next = waiting.pollFirst()) != null) {
        next.setFailure(new ClosedChannelException());
      }
      var _ = channel.close();
      channel.runPendingTasks();
    }
  }

  private static final class NothingToRead implements ReceiveAllocator.Stream {
    @Override
    public long directBytes() {
      return 0;
    }

    @Override
    public long directAddress() {
      return 0;
    }

    @Override
    public int stagedBytesLimit() {
      return 1;
    }

    @Override
    public int consumedBytesLimit() {
      return 0;
    }

    @Override
    public @Nullable StagingBlock ownBlock() {
      return null;
    }

    @Override
    public void onStagingDry() {}

    @Override
    public boolean isOpen() {
      return true;
    }

    @Override
    public MemoryWindow.Owner directOwner() {
      return _ -> {};
    }
  }

  @Test
  void aloneAConnectionHasItsFourRecords() throws Exception {
    Connection one = new Connection();
    one.send(BODY);
    assertThat(one.records()).isEqualTo(4);
    assertThat(dry).isZero();
  }

  /** 4 records, and one for each. */
  @Test
  void allTogetherHaveNoMoreThanTheBudgetAndOneEach() throws Exception {
    for (int i = 0; i < 10; i++) {
      new Connection().send(BODY);
    }
    assertThat(connections.stream().mapToInt(Connection::records).sum()).isEqualTo(10 + 4);
    assertThat(connections.getLast().records()).isEqualTo(1);
    assertThat(dry).isPositive();
  }

  /** Others do not read at all, and have taken everything. */
  @Test
  void whoFindsNothingLeftGoesOnRecordByRecord() throws Exception {
    new Connection().send(BODY);
    new Connection().send(BODY);
    Connection late = new Connection();
    late.send(BODY);
    for (int i = 1; i < BODY / RECORD; i++) {
      assertThat(late.records()).isEqualTo(1);
      late.take();
    }
    assertThat(late.sentBytes).isEqualTo(BODY);
    late.take();
    assertThat(late.records()).isZero();
  }

  /** Their answers have to drain first, so that nothing is to be read now. */
  @Test
  void whatIsReadAndHeldIsBoundedOverAllConnections() throws Exception {
    Connection reader = new Connection();
    assertThat(reader.nextReadBytes()).as("of one that is fast").isEqualTo(64 << 10);
    List<Connection> holders = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      Connection holder = new Connection();
      holders.add(holder);
      holder.channel.config().setAutoRead(false);
      holder.arrive(RECORD);
    }
    assertThat(reader.nextReadBytes()).as("a record below the limit").isEqualTo(64 << 10);
    assertThat(dry).isZero();
    holders.getFirst().arrive(RECORD);
    assertThat(reader.nextReadBytes()).as("at the limit").isEqualTo(OpenReads.RECORD_BYTES_MAX);
    assertThat(dry).isPositive();
    // It is handed on, or dropped with its connection.
    holders.getLast().end();
    assertThat(reader.nextReadBytes()).isEqualTo(64 << 10);
  }

  /** Whatever it had taken is there for the others. */
  @Test
  void whoFindsNoMemoryToSendKeepsNothing() throws Exception {
    Connection one = new Connection();
    one.findsNoMemoryAfter(2);
    assertThatThrownBy(() -> one.send(BODY)).isInstanceOf(OutOfMemoryError.class);
    assertThat(one.records()).isEqualTo(2);
    one.end();
  }

  @Test
  void whatAConnectionHadIsThereForOthersWhenItEnds() throws Exception {
    Connection first = new Connection();
    first.send(BODY);
    new Connection().send(BODY);
    Connection late = new Connection();
    late.send(BODY);
    assertThat(late.records()).isEqualTo(1);
    first.end();
    late.take();
    assertThat(late.records()).isEqualTo(4);
  }
}
