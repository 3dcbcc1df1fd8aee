// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.embedded.EmbeddedChannel;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transport.SeamFinder;
import io.transferengine.transport.TransferTask;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is sent on a channel: frames whole or not at all, whatever throws half-way. */
@Timeout(60)
class OutboundStreamTest {
  private static final int SOURCE_BYTES = 1 << 20;
  private static final int BLOCK_BYTES = 4096;
  private static final long POOL_BYTES = 16 << 20;

  /** A stream on a channel that keeps what it was given, and what should have come out. */
  private static final class Stream implements AutoCloseable, OutboundStream.Listener {
    final Arena arena = Arena.ofShared();
    final WindowPool pool =
        new WindowPool(
            arena.allocate(POOL_BYTES, 64),
            BLOCK_BYTES,
            ReadReserve.none(),
            _ -> {},
            new TlsBudget(0, () -> {}));
    final ChannelInboundHandlerAdapter handler = new ChannelInboundHandlerAdapter();
    final EmbeddedChannel channel = new EmbeddedChannel(handler);
    final OutboundStream outbound =
        new OutboundStream(channel.pipeline().context(handler), pool, pool.lanes(), false, this);
    final Mapped source = Mapped.of(SOURCE_BYTES);
    final ByteArrayOutputStream came = new ByteArrayOutputStream();
    final ByteArrayOutputStream wanted = new ByteArrayOutputStream();
    final List<Object> told = new ArrayList<>();

    Stream(Random random) {
      byte[] bytes = new byte[SOURCE_BYTES];
      random.nextBytes(bytes);
      MemorySegment.copy(bytes, 0, source.segment(), ValueLayout.JAVA_BYTE, 0, bytes.length);
    }

    /** Lays one piece of some kind and returns its bytes. */
    byte[] piece(Random random) {
      int kind = random.nextInt(3);
      int length = kind == 2 ? 1 + random.nextInt(60_000) : 1 + random.nextInt(1500);
      long offset = random.nextInt(SOURCE_BYTES - length);
      byte[] bytes = source.segment().asSlice(offset, length).toArray(ValueLayout.JAVA_BYTE);
      long address = source.address() + offset;
      switch (kind) {
        case 0 -> MemoryWindow.copy(address, outbound.reserve(length), length);
        case 1 -> outbound.copy(address, length);
        default -> outbound.body(address, length, random.nextBoolean() ? bytes : null);
      }
      return bytes;
    }

    void flush() {
      outbound.flush();
      ByteBuf next;
      while ((next = channel.readOutbound()) != null) {
        byte[] bytes = new byte[next.readableBytes()];
        next.readBytes(bytes);
        came.writeBytes(bytes);
        next.release();
      }
    }

    void check() {
      flush();
      assertThat(came.toByteArray()).isEqualTo(wanted.toByteArray());
      assertThat(outbound.queuedBytes()).isEqualTo(wanted.size());
      assertThat(outbound.isSentWhole()).isTrue();
      assertThat(outbound.oldestBodyEnd()).isEqualTo(Long.MAX_VALUE);
    }

    @Override
    public void outboundDrained() {}

    @Override
    public void bodyReleased(Object attachment) {
      told.add(attachment);
    }

    @Override
    public void close() {
      outbound.discard();
      var _ = channel.finishAndReleaseAll();
      source.close();
      arena.close();
    }
  }

  @Test
  void whatIsCopiedAsideIsBoundedAndGivenBack() {
    try (Stream stream = new Stream(new Random(1))) {
      int bytes = 500_000;
      byte[] before = stream.source.segment().asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE);
      int aside = 0;
      for (int i = 0; i < 40; i++) {
        long from = stream.outbound.queuedBytes();
        stream.outbound.body(stream.source.address(), bytes, null);
        if (stream.outbound.copyAside(from, stream.outbound.queuedBytes())) {
          aside++;
          stream.wanted.writeBytes(before);
        }
      }
      stream.source.segment().fill((byte) 0);
      for (int i = aside; i < 40; i++) {
        stream.wanted.writeBytes(new byte[bytes]);
      }

      assertThat(aside).isEqualTo((int) (POOL_BYTES / bytes));
      stream.check();
      long from = stream.outbound.queuedBytes();
      stream.outbound.body(stream.source.address(), bytes, null);
      stream.wanted.writeBytes(new byte[bytes]);
      assertThat(stream.outbound.copyAside(from, stream.outbound.queuedBytes())).isTrue();
      stream.check();
    }
  }

  @Test
  void aFrameThatIsRolledBackHasNeverBeen() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("OutboundStream: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    for (int round = 0; round < 40; round++) {
      try (Stream stream = new Stream(random)) {
        for (int step = 0; step < 200; step++) {
          switch (random.nextInt(6)) {
            case 0 -> stream.flush();
            case 1 -> stream.wanted.writeBytes(stream.piece(random));
            default -> {
              boolean keep = random.nextBoolean();
              ByteArrayOutputStream frame = new ByteArrayOutputStream();
              stream.outbound.begin();
              for (int i = random.nextInt(12); i > 0; i--) {
                frame.writeBytes(stream.piece(random));
              }
              if (keep) {
                stream.outbound.commit();
                stream.wanted.writeBytes(frame.toByteArray());
              } else {
                stream.outbound.rollBack();
              }
            }
          }
        }
        stream.check();
      }
    }
  }

  @Test
  void aBodyThatIsRolledBackIsNotTold() {
    try (Stream stream = new Stream(new Random(1))) {
      stream.outbound.begin();
      stream.outbound.body(stream.source.address(), 20_000, "rolled back");
      stream.outbound.rollBack();
      stream.outbound.begin();
      stream.outbound.body(stream.source.address(), 20_000, "sent");
      stream.outbound.commit();
      stream.flush();
      assertThat(stream.told).containsExactly("sent");
    }
  }

  /** Of two bodies with the same content, the one that was sent is gone, and not the other. */
  @Test
  void bodiesAreToldApartByWhatTheyAre() {
    try (Stream stream = new Stream(new Random(2))) {
      stream.outbound.body(stream.source.address(), 20_000, "first");
      stream.outbound.body(stream.source.address(), 20_000, "second");
      stream.outbound.flush();
      ByteBuf first = stream.channel.readOutbound();
      ByteBuf second = stream.channel.readOutbound();
      second.release();
      assertThat(stream.told).containsExactly("second");
      assertThat(stream.outbound.oldestBodyEnd()).as("the first is on its way").isEqualTo(20_000);
      first.release();
      assertThat(stream.told).containsExactly("second", "first");
      assertThat(stream.outbound.oldestBodyEnd()).isEqualTo(Long.MAX_VALUE);
    }
  }

  @Test
  void memoryThatIsGoneChangesNothing(@TempDir Path folder) throws Exception {
    try (Stream stream = new Stream(new Random(3));
        FileChannel file =
            FileChannel.open(
                folder.resolve("gone"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      long gone = file.map(FileChannel.MapMode.READ_WRITE, 0, BLOCK_BYTES, stream.arena).address();
      file.truncate(0);
      Random random = new Random(4);
      for (int i = 0; i < 100; i++) {
        stream.wanted.writeBytes(stream.piece(random));
        stream.outbound.begin();
        assertThatThrownBy(
                () -> {
                  stream.outbound.copy(gone, 1 + random.nextInt(1500));
                  MemoryWindow.tellFaults();
                })
            .isInstanceOf(InternalError.class);
        stream.outbound.rollBack();
      }
      stream.check();
    }
  }

  /** Compiled code is told late that memory is gone: not too late for the request. */
  @Test
  void aRequestFromMemoryThatIsGoneIsNeverInTheStream(@TempDir Path folder) throws Exception {
    SeamFinder none = new SeamFinder(new long[0], new long[0]);
    try (Stream stream = new Stream(new Random(5));
        FileChannel file =
            FileChannel.open(
                folder.resolve("gone"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      long address =
          file.map(FileChannel.MapMode.READ_WRITE, 0, BLOCK_BYTES, stream.arena).address();
      RequestRing ring = new RequestRing(8, 1 << 20);
      RequestWriter writer = new RequestWriter(ring, true, null);
      TransferTask task =
          new TransferTask(Operation.WRITE, BlockColumns.of(1, 1, 1), none, none, (_, _, _) -> {});
      for (int i = 0; i < 200_000; i++) {
        if (i == 100_000) {
          file.truncate(0);
        }
        ring.request(task, 0, address, 1, 1 + i % 100, true);
        long before = stream.outbound.queuedBytes();
        boolean laid = true;
        try {
          writer.plain(stream.outbound, ring.first());
        } catch (InternalError e) {
          laid = false;
        }
        assertThat(laid).as("request %d", i).isEqualTo(i < 100_000);
        if (!laid) {
          assertThat(stream.outbound.queuedBytes()).isEqualTo(before);
        }
        ring.removeFirst();
        if (i % 50 == 0) {
          stream.outbound.flush();
          var _ = stream.channel.releaseOutbound();
        }
      }
    }
  }
}
