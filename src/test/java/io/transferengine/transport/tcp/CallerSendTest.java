// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.Objects;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What a caller lays, and what becomes of the answers to it. */
@Timeout(60)
class CallerSendTest {
  private static final long REMOTE = 0x10_0000;

  private static final class Wire implements CallerSend.Socket {
    final ByteArrayOutputStream sent = new ByteArrayOutputStream();

    @Override
    public long send(long address, long bytes) {
      byte[] copy = new byte[(int) bytes];
      MemoryWindow.copy(address, copy, 0, copy.length);
      sent.writeBytes(copy);
      return bytes;
    }

    @Override
    public void shutdown() {}

    @Override
    public void close() {}

    ByteBuffer take() {
      ByteBuffer all = ByteBuffer.wrap(sent.toByteArray()).order(ByteOrder.LITTLE_ENDIAN);
      sent.reset();
      return all;
    }
  }

  private final Wire wire = new Wire();

  /** One that callers may send on. */
  private FedLane idle(Mapped memory) {
    FedLane lane = new FedLane(new WireForm(true, true, false, OptionalLong.empty()));
    lane.letCallersSend(wire);
    FedLane.Work first = new FedLane.Work(Operation.READ, blocks(memory, 1, 1));
    lane.submit(first);
    byte[] _ = lane.requests();
    lane.feed(answer(1));
    assertThat(first.ends).containsExactly(TransferState.COMPLETED);
    return lane;
  }

  private static BlockColumns blocks(Mapped memory, int count, int bytes) {
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    Arrays.setAll(local, i -> memory.address() + 2L * i * bytes);
    Arrays.setAll(remote, i -> REMOTE + 2L * i * bytes);
    Arrays.fill(length, bytes);
    return BlockColumns.of(local, remote, length);
  }

  /** A status, and so many bytes that say where they are. */
  private static byte[] answer(int bytes) {
    byte[] all =
        Arrays.copyOf(Frames.status(Frames.STATUS_OK).array(), Frames.STATUS_BYTES + bytes);
    for (int i = 0; i < bytes; i++) {
      all[Frames.STATUS_BYTES + i] = (byte) i;
    }
    return all;
  }

  private void send(FedLane lane, FedLane.Work work) {
    assertThat(CallerSend.isFor(work.task)).isTrue();
    lane.submit(work);
    Objects.requireNonNull(lane.callers()).send(work.task);
  }

  @Test
  void theBodyOfAReadIsPutWhereItBelongs() {
    int bytes = 10_000;
    try (Mapped memory = Mapped.of(1 << 20);
        FedLane lane = idle(memory)) {
      FedLane.Work work = new FedLane.Work(Operation.READ, blocks(memory, 1, bytes));
      send(lane, work);
      assertThat(wire.take().capacity()).isEqualTo(Frames.HEADER_BYTES);
      byte[] answer = answer(bytes);
      lane.feed(answer);
      assertThat(work.ends).containsExactly(TransferState.COMPLETED);
      assertThat(memory.segment().asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE))
          .isEqualTo(Arrays.copyOfRange(answer, Frames.STATUS_BYTES, answer.length));
    }
  }

  /** Before the first has its answer the lane is not idle: the loop sends the second. */
  @Test
  void aLaneThatWaitsIsTheLoops() {
    try (Mapped memory = Mapped.of(1 << 20);
        FedLane lane = idle(memory)) {
      FedLane.Work one = new FedLane.Work(Operation.WRITE, blocks(memory, 1, 10));
      FedLane.Work two = new FedLane.Work(Operation.WRITE, blocks(memory, 1, 20));
      send(lane, one);
      send(lane, two);
      assertThat(wire.take().capacity()).isEqualTo(Frames.HEADER_BYTES + 10);
      assertThat(two.task.hasWork()).isTrue();
      assertThat(lane.requests()).hasSize(Frames.HEADER_BYTES + 20);
      lane.feed(answer(0));
      lane.feed(answer(0));
      assertThat(one.ends).containsExactly(TransferState.COMPLETED);
      assertThat(two.ends).containsExactly(TransferState.COMPLETED);
      // And idle again.
      send(lane, new FedLane.Work(Operation.READ, blocks(memory, 1, 1)));
      assertThat(wire.take().capacity()).isEqualTo(Frames.HEADER_BYTES);
    }
  }

  /** Who chooses a lane must not take it for a free one. */
  @Test
  void aLaneThatWaitsForWhatACallerSentHasALoad() {
    try (Mapped memory = Mapped.of(1 << 20);
        FedLane lane = idle(memory)) {
      FedLane.Work work = new FedLane.Work(Operation.WRITE, blocks(memory, 1, 10));
      send(lane, work);
      assertThat(Objects.requireNonNull(lane.callers()).load()).isEqualTo(1);
      lane.connection.endIfStalled(System.nanoTime(), Long.MAX_VALUE);
      assertThat(lane.load()).isEqualTo(1);
      lane.feed(answer(0));
      assertThat(lane.load()).isZero();
      assertThat(Objects.requireNonNull(lane.callers()).load()).isZero();
    }
  }

  @Test
  void onlyASingleSmallBlockIsForCallers() {
    try (Mapped memory = Mapped.of(1 << 20)) {
      assertThat(isFor(Operation.WRITE, blocks(memory, 1, 16_383))).isTrue();
      assertThat(isFor(Operation.READ, blocks(memory, 1, 16_383))).isTrue();
      assertThat(isFor(Operation.WRITE, blocks(memory, 1, 16_384))).isFalse();
      assertThat(isFor(Operation.READ, blocks(memory, 2, 10))).isFalse();
    }
  }

  /** Its memory is gone: it fails, and the lane goes on. */
  @Test
  void aBlockOfMemoryThatIsGoneFailsAlone(@TempDir Path folder) throws Exception {
    try (Mapped memory = Mapped.of(1 << 20);
        Arena arena = Arena.ofConfined();
        FileChannel file =
            FileChannel.open(
                folder.resolve("gone"),
                StandardOpenOption.CREATE,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE);
        FedLane lane = idle(memory)) {
      long gone = file.map(FileChannel.MapMode.READ_WRITE, 0, 4096, arena).address();
      file.truncate(0);
      FedLane.Work lost = new FedLane.Work(Operation.WRITE, BlockColumns.of(gone, REMOTE, 100));
      send(lane, lost);
      assertThat(lost.ends).containsExactly(TransferState.FAILED);
      assertThat(wire.take().capacity()).isZero();
      send(lane, new FedLane.Work(Operation.WRITE, blocks(memory, 1, 10)));
      assertThat(wire.take().capacity()).isEqualTo(Frames.HEADER_BYTES + 10);
    }
  }

  private static boolean isFor(Operation operation, BlockColumns blocks) {
    return CallerSend.isFor(new FedLane.Work(operation, blocks).task);
  }
}
