// SPDX-License-Identifier: Apache-2.0
package io.transferengine.netty;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.AdaptiveByteBufAllocator;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.IllegalReferenceCountException;
import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.RegistrationOptions;
import io.transferengine.Segment;
import io.transferengine.buffers.BufferTransfer;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class ByteBufsTest {
  private static final PooledByteBufAllocator POOL =
      new PooledByteBufAllocator(true, 0, 1, 8192, 7, 0, 0, false);

  private static Engine here;
  private static Engine there;
  private static Allocation remote;
  private static Segment peer;
  private static ByteBufArenas arenas;

  @BeforeAll
  static void open() {
    EngineConfig config =
        EngineConfig.builder("127.0.0.1")
            .metadataServer("P2PHANDSHAKE")
            .protocol("tcp")
            .local(LocalMode.OFF)
            .build();
    here = Engine.open(config);
    there = Engine.open(config);
    remote = there.allocate(1 << 16);
    peer = here.openSegment(there.segmentName());
    arenas = new ByteBufArenas(here, RegistrationOptions.DEFAULT);
  }

  @AfterAll
  static void close() {
    arenas.close();
    here.close();
    there.close();
  }

  private static ByteBuf filled(ByteBufAllocator allocator, int bytes) {
    ByteBuf buffer = allocator.directBuffer(bytes, bytes);
    for (int i = 0; i < bytes; i++) {
      buffer.writeByte(i);
    }
    var _ = arenas.register(buffer);
    return buffer;
  }

  private static byte atPeer(int offset) {
    return remote.segment().get(ValueLayout.JAVA_BYTE, offset);
  }

  @Test
  void aChunkIsRegisteredOnceHoweverManyBuffersItHas() {
    ByteBuf first = POOL.directBuffer(100);
    ByteBuf second = POOL.directBuffer(5000);
    ByteBuf slice = second.retainedSlice(100, 200);
    ByteBufArenas own = new ByteBufArenas(there, RegistrationOptions.DEFAULT);
    assertThat(own.register(first)).isTrue();
    assertThat(own.register(second)).isFalse();
    assertThat(own.register(slice)).isFalse();
    assertThat(own.size()).isEqualTo(1);
    // The one that is kept for the chunk
    assertThat(first.refCnt()).isEqualTo(2);
    assertThat(second.refCnt()).isEqualTo(2);
    assertThat(peer.refresh().buffers())
        .anySatisfy(
            range -> {
              assertThat(range.address()).isLessThanOrEqualTo(second.memoryAddress());
              assertThat(range.address() + range.length())
                  .isGreaterThanOrEqualTo(second.memoryAddress() + second.capacity());
            });
    slice.release();
    second.release();
    own.close();
    own.close();
    assertThat(first.refCnt()).isEqualTo(1);
    assertThatThrownBy(() -> own.register(first)).isInstanceOf(TransferException.class);
    assertThat(first.refCnt()).isEqualTo(1);
    first.release();
  }

  @Test
  void aBufferOutsideOfAPoolIsRegisteredByItself() {
    ByteBuf buffer = UnpooledByteBufAllocator.DEFAULT.directBuffer(4096, 4096);
    try (ByteBufArenas own = new ByteBufArenas(there, RegistrationOptions.DEFAULT)) {
      assertThat(own.register(buffer)).isTrue();
      assertThat(own.register(buffer)).isFalse();
    }
    assertThat(buffer.refCnt()).isEqualTo(1);
    buffer.release();
  }

  @Test
  void ofASliceOrAViewTheWholeIsRegistered() {
    try (ByteBufArenas own = new ByteBufArenas(there, RegistrationOptions.DEFAULT)) {
      ByteBuf whole = UnpooledByteBufAllocator.DEFAULT.directBuffer(4096, 4096).writeZero(4096);
      assertThat(own.register(whole.asReadOnly().slice(1024, 1024))).isTrue();
      for (ByteBuf view :
          List.of(
              whole.slice(8, 8),
              whole.duplicate(),
              whole.asReadOnly(),
              Unpooled.unreleasableBuffer(whole))) {
        assertThat(own.register(view)).as("%s", view).isFalse();
      }
      assertThat(own.register(whole)).isFalse();
      assertThat(own.size()).isEqualTo(1);
      assertThat(whole.refCnt()).isEqualTo(2);
      whole.release();
    }
  }

  @Test
  void aBufferThatWouldLeaveItsMemoryIsRefused() {
    try (ByteBufArenas own = new ByteBufArenas(there, RegistrationOptions.DEFAULT)) {
      // Of no pool, and larger than a chunk.
      for (ByteBuf growing :
          List.of(
              UnpooledByteBufAllocator.DEFAULT.directBuffer(4096),
              new AdaptiveByteBufAllocator(true).directBuffer(4096),
              POOL.directBuffer(2 << 20))) {
        assertThatThrownBy(() -> own.register(growing.slice()))
            .isInstanceOf(TransferException.class)
            .hasMessageContaining("can grow")
            .hasMessageContaining("directBuffer(n, n)");
        assertThat(own.size()).isZero();
        assertThat(growing.refCnt()).isOne();
        growing.release();
      }
      ByteBuf fixed = POOL.directBuffer(2 << 20, 2 << 20);
      assertThat(own.register(fixed)).isTrue();
      fixed.release();
    }
  }

  @Test
  void heapAndComposedBuffersAreNoChunks() {
    ByteBuf heap = Unpooled.buffer(16);
    ByteBuf composed =
        Unpooled.wrappedBuffer(
            Unpooled.directBuffer(4).writeInt(1), Unpooled.directBuffer(4).writeInt(2));
    for (ByteBuf buffer : List.of(heap, composed)) {
      assertThatThrownBy(() -> arenas.register(buffer))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("is not one piece of direct memory");
      assertThat(buffer.refCnt()).isEqualTo(1);
      buffer.release();
    }
  }

  @Test
  void aWriteTakesWhatCanBeRead() {
    ByteBuf source = filled(POOL, 100);
    int kept = source.refCnt();
    source.readerIndex(10);
    ByteBufs.write(peer, source, remote.address()).toCompletableFuture().join();
    assertThat(source.readerIndex()).isEqualTo(100);
    assertThat(source.refCnt()).isEqualTo(kept);
    assertThat(atPeer(0)).isEqualTo((byte) 10);
    assertThat(atPeer(89)).isEqualTo((byte) 99);
    source.release();
  }

  @Test
  void aReadFillsWhatCanBeWritten() {
    ByteBuf source = filled(POOL, 64);
    ByteBufs.write(peer, source, remote.address() + 4096).toCompletableFuture().join();
    // Of two buffers: a block for each
    ByteBuf destination =
        POOL.compositeDirectBuffer().addComponents(true, filled(POOL, 8), filled(POOL, 56));
    destination.setIndex(0, 4);
    ByteBufs.read(peer, destination, remote.address() + 4096).toCompletableFuture().join();
    assertThat(destination.writerIndex()).isEqualTo(64);
    assertThat(destination.getByte(4)).isEqualTo((byte) 0);
    assertThat(destination.getByte(63)).isEqualTo((byte) 59);
    assertThat(destination.refCnt()).isEqualTo(1);
    destination.release();
    source.release();
  }

  @Test
  void indicesStayIfItFails() {
    ByteBuf source = filled(POOL, 32);
    int kept = source.refCnt();
    BufferTransfer transfer = ByteBufs.write(peer, source, 4096);
    assertThatThrownBy(() -> transfer.toCompletableFuture().join())
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(TransferException.class);
    assertThat(transfer.transfer().failure()).isPresent();
    assertThat(source.readerIndex()).isZero();
    assertThat(source.refCnt()).isEqualTo(kept);
    source.release();
  }

  @Test
  void whatIsRefusedIsNotRetained() {
    ByteBuf good = filled(POOL, 32);
    int kept = good.refCnt();
    ByteBuf heap = Unpooled.buffer(16).writeInt(1);
    long[] two = {remote.address(), remote.address()};
    assertThatThrownBy(() -> ByteBufs.submit(peer, Operation.WRITE, List.of(good, heap), two))
        .hasMessageContaining("is on the heap");
    assertThatThrownBy(() -> ByteBufs.submit(peer, Operation.WRITE, List.of(good), two))
        .hasMessageContaining("1 buffers, but 2 addresses");
    assertThatThrownBy(() -> ByteBufs.read(peer, good.asReadOnly(), two[0]))
        .hasMessageContaining("is read-only");
    assertThat(good.refCnt()).isEqualTo(kept);
    assertThat(heap.refCnt()).isEqualTo(1);
    assertThat(good.readerIndex()).isZero();
    good.release();
  }

  @Test
  void ofSeveralTheFirstIsGivenBackWhenTheSecondIsGone() {
    ByteBuf good = filled(POOL, 32);
    int kept = good.refCnt();
    ByteBuf gone = Unpooled.directBuffer(16).writeInt(1);
    gone.release();
    long[] two = {remote.address(), remote.address()};
    assertThatThrownBy(() -> ByteBufs.submit(peer, Operation.WRITE, List.of(good, gone), two))
        .isInstanceOf(IllegalReferenceCountException.class);
    assertThat(good.refCnt()).isEqualTo(kept);
    good.release();
  }
}
