// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Every accessor, against a buffer of Netty's own. */
class MemoryWindowTest {
  private static final int LENGTH = 256;
  private static final int GUARD = 64;

  private final Arena arena = Arena.ofAuto();
  private final MemorySegment all = arena.allocate(LENGTH + 2 * GUARD, 8);
  private final ByteBuf netty = Unpooled.buffer(LENGTH);
  private final WindowPool pool =
      new WindowPool(
          arena.allocate(4096, 8), 4096, ReadReserve.none(), _ -> {}, new TlsBudget(0, () -> {}));
  private final MemoryWindow window = pool.window(all.address() + GUARD, LENGTH, LENGTH, null);

  @BeforeEach
  void fill() {
    byte[] bytes = new byte[LENGTH];
    new Random(1).nextBytes(bytes);
    netty.writeBytes(bytes);
    MemorySegment.copy(bytes, 0, all, ValueLayout.JAVA_BYTE, GUARD, LENGTH);
  }

  private void assertSame() {
    byte[] mine = all.asSlice(GUARD, LENGTH).toArray(ValueLayout.JAVA_BYTE);
    byte[] theirs = new byte[LENGTH];
    netty.getBytes(0, theirs);
    assertThat(mine).isEqualTo(theirs);
    assertThat(all.asSlice(0, GUARD).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    assertThat(all.asSlice(GUARD + LENGTH, GUARD).toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
  }

  @Test
  void readsWhatNettyReads() throws Exception {
    for (int i = 0; i < LENGTH - 8; i++) {
      assertThat(window.getByte(i)).isEqualTo(netty.getByte(i));
      assertThat(window.getUnsignedByte(i)).isEqualTo(netty.getUnsignedByte(i));
      assertThat(window.getShort(i)).isEqualTo(netty.getShort(i));
      assertThat(window.getShortLE(i)).isEqualTo(netty.getShortLE(i));
      assertThat(window.getMedium(i)).isEqualTo(netty.getMedium(i));
      assertThat(window.getUnsignedMedium(i)).isEqualTo(netty.getUnsignedMedium(i));
      assertThat(window.getUnsignedMediumLE(i)).isEqualTo(netty.getUnsignedMediumLE(i));
      assertThat(window.getInt(i)).isEqualTo(netty.getInt(i));
      assertThat(window.getIntLE(i)).isEqualTo(netty.getIntLE(i));
      assertThat(window.getLong(i)).isEqualTo(netty.getLong(i));
      assertThat(window.getLongLE(i)).isEqualTo(netty.getLongLE(i));
    }
    byte[] mine = new byte[100];
    byte[] theirs = new byte[100];
    assertThat(window.getBytes(7, mine, 3, 90)).isSameAs(window);
    netty.getBytes(7, theirs, 3, 90);
    assertThat(mine).isEqualTo(theirs);
    ByteBuffer nio = ByteBuffer.allocateDirect(50);
    window.getBytes(9, nio);
    assertThat(nio.flip()).isEqualTo(netty.nioBuffer(9, 50));
    ByteBuf target = Unpooled.buffer(60).writeZero(60);
    window.getBytes(11, target, 5, 40);
    assertThat(target.slice(5, 40)).isEqualTo(netty.slice(11, 40));
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    window.getBytes(13, out, 30);
    assertThat(Unpooled.wrappedBuffer(out.toByteArray())).isEqualTo(netty.slice(13, 30));
    assertThat(window.copy(3, 20)).isEqualTo(netty.slice(3, 20));
    assertThat(window.nioBuffer(4, 20)).isEqualTo(netty.nioBuffer(4, 20));
    assertThat(window.internalNioBuffer(4, 20)).isEqualTo(netty.nioBuffer(4, 20));
    assertThat(window.nioBuffers(4, 20)).containsExactly(netty.nioBuffer(4, 20));
    assertThat(window.slice(8, 16)).isEqualTo(netty.slice(8, 16));
    assertThat((Object) window).isEqualTo(netty).hasSameHashCodeAs(netty);
    assertThat(window.nioBufferCount()).isEqualTo(1);
  }

  @Test
  void writesWhatNettyWrites() throws Exception {
    Random random = new Random(2);
    for (int i = 0; i < LENGTH - 8; i++) {
      long value = random.nextLong();
      switch (i % 9) {
        case 0 -> both(b -> b.setByte(b.writerIndex() - LENGTH + 3, (int) value));
        case 1 -> set(i, value, ByteBuf::setShort);
        case 2 -> set(i, value, ByteBuf::setShortLE);
        case 3 -> set(i, value, ByteBuf::setMedium);
        case 4 -> set(i, value, ByteBuf::setMediumLE);
        case 5 -> set(i, value, ByteBuf::setInt);
        case 6 -> set(i, value, ByteBuf::setIntLE);
        default -> {
          int at = i;
          both(b -> at % 2 == 0 ? b.setLong(at, value) : b.setLongLE(at, value));
        }
      }
      assertSame();
    }
    byte[] source = new byte[100];
    random.nextBytes(source);
    both(b -> b.setBytes(5, source, 3, 90));
    both(b -> b.setBytes(120, ByteBuffer.wrap(source, 1, 60)));
    both(b -> b.setBytes(60, Unpooled.wrappedBuffer(source), 2, 30));
    assertSame();
    assertThat(window.setBytes(200, new ByteArrayInputStream(source), 40)).isEqualTo(40);
    netty.setBytes(200, source, 0, 40);
    assertSame();
    assertThat(window.setBytes(0, new ByteArrayInputStream(new byte[0]), 4)).isEqualTo(-1);
  }

  private interface Setter {
    ByteBuf set(ByteBuf buffer, int index, int value);
  }

  private void set(int index, long value, Setter setter) {
    both(b -> setter.set(b, index, (int) value));
  }

  private void both(java.util.function.Function<ByteBuf, ByteBuf> action) {
    assertThat(action.apply(window)).isSameAs(window);
    assertThat(action.apply(netty)).isSameAs(netty);
  }

  @Test
  void channelsAndFiles(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("bytes");
    try (FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      assertThat(window.getBytes(10, channel, 0L, 100)).isEqualTo(100);
      assertThat(window.getBytes(110, channel, 50)).isEqualTo(50);
      channel.position(0);
      assertThat(window.setBytes(150, channel, 50)).isEqualTo(50);
      netty.setBytes(150, Files.readAllBytes(file), 0, 50);
      assertThat(window.setBytes(20, channel, 10L, 30)).isEqualTo(30);
      netty.setBytes(20, Files.readAllBytes(file), 10, 30);
      assertSame();
      assertThat(window.setBytes(0, channel, 1000L, 30)).isEqualTo(-1);
    }
  }

  @Test
  void nothingOutsideIsReachable() {
    for (int index : new int[] {-1, LENGTH, LENGTH + 1, Integer.MAX_VALUE, Integer.MIN_VALUE}) {
      assertThatThrownBy(() -> window.getByte(index)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> window.setByte(index, 1))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> window.nioBuffer(index, 1))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
    assertThatThrownBy(() -> window.getLong(LENGTH - 7))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.setLongLE(LENGTH - 7, 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.setMedium(LENGTH - 2, 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.setBytes(LENGTH - 3, new byte[4]))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.setBytes(LENGTH - 3, ByteBuffer.allocate(4)))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.getBytes(LENGTH - 3, new byte[4]))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.copy(LENGTH - 3, 4))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> window.capacity(10)).isInstanceOf(UnsupportedOperationException.class);
    assertThatThrownBy(window::array).isInstanceOf(UnsupportedOperationException.class);
    assertSame();
  }

  @Test
  void aReleasedWindowTellsItsOwnerAndIsUsedAgain() {
    AtomicInteger told = new AtomicInteger();
    MemoryWindow one = pool.window(all.address(), 10, 10, _ -> told.incrementAndGet());
    one.retain();
    assertThat(one.release()).isFalse();
    assertThat(told).hasValue(0);
    assertThat(one.release()).isTrue();
    assertThat(told).hasValue(1);
    assertThatThrownBy(() -> one.getByte(0))
        .isInstanceOf(io.netty.util.IllegalReferenceCountException.class);
    assertThat(pool.window(all.address() + 5, 20, 0, null)).isSameAs(one);
    assertThat(one.refCnt()).isEqualTo(1);
    assertThat(one.capacity()).isEqualTo(20);
    assertThat(one.readableBytes()).isZero();
    assertThat(one.writableBytes()).isEqualTo(20);
    assertThat(one.memoryAddress()).isEqualTo(all.address() + 5);
  }
}
