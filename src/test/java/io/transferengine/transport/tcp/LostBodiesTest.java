// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Small bodies that arrive together, of which one is for memory that is gone. They are copied one
 * behind the other, and what compiled code has met it is told later: the end of each transfer must
 * still be the right one.
 */
@Timeout(120)
class LostBodiesTest {
  private static final long REMOTE = 0x7f5a_0000_0000L;
  private static final int BLOCKS = 8;
  private static final int BLOCK_BYTES = 1000;

  /** Blocks lie apart, or else they would be one. */
  private static final int STEP_BYTES = 4096;

  private static final int BODY_BYTES = BLOCKS * BLOCK_BYTES;
  private static final byte[] OK = {0, 0, 0, 0, 'V', 'T', 'C', 'M'};
  private static final byte[] REJECTED = {1, 0, 0, 0, 'V', 'T', 'C', 'M'};

  /** So that the copies are compiled code. */
  private static final int WARM_UPS = 15_000;

  private final Arena arena = Arena.ofShared();
  private final Mapped memory = Mapped.of(2L * BLOCKS * STEP_BYTES);
  private final byte[] bodies = new byte[2 * BODY_BYTES];
  private FileChannel file;
  private MemorySegment doomed;

  @BeforeEach
  void map(@TempDir Path folder) throws IOException {
    new Random(1).nextBytes(bodies);
    file =
        FileChannel.open(
            folder.resolve("doomed"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    doomed = file.map(FileChannel.MapMode.READ_WRITE, 0, STEP_BYTES, arena);
  }

  @AfterEach
  void unmap() throws IOException {
    file.close();
    arena.close();
    memory.close();
  }

  /**
   * Two reads whose answers arrive together.
   *
   * @param lost the block, counted over both, whose memory is gone
   * @param cut where the second look at the stream begins
   */
  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "3, 0",
    "7, 0",
    "8, 0",
    "11, 0",
    "15, 0",
    "3, 500",
    "3, 3008",
    "3, 3500",
    "3, 4200",
    "3, 8008",
    "11, 8500",
    "11, 11516",
    "15, 16000"
  })
  void ofTwoReadsTheOneWithTheLostBlockFails(int lost, int cut) throws Exception {
    try (FedLane lane = new FedLane(new WireForm(true, true, false, OptionalLong.empty()))) {
      for (int i = 0; i < WARM_UPS / BLOCKS; i++) {
        FedLane.Work first = read(lane, 0, lost);
        FedLane.Work second = read(lane, BLOCKS, lost);
        answer(lane, i % 2 == 0 ? cut : 0);
        assertThat(first.ends).containsExactly(TransferState.COMPLETED);
        assertThat(second.ends).containsExactly(TransferState.COMPLETED);
      }
      file.truncate(0);
      for (int i = 0; i < 3; i++) {
        memory.segment().fill((byte) 0);
        FedLane.Work[] both = {read(lane, 0, lost), read(lane, BLOCKS, lost)};
        answer(lane, cut);
        FedLane.Work failed = both[lost / BLOCKS];
        FedLane.Work good = both[1 - lost / BLOCKS];
        assertThat(failed.ends).containsExactly(TransferState.FAILED);
        assertThat(failed.failure)
            .contains("local memory from 0x%x to".formatted(doomed.address()));
        assertThat(good.ends).containsExactly(TransferState.COMPLETED);
        assertArrived(good == both[0] ? 0 : BLOCKS);
        assertThat(lane.channel.isOpen()).isTrue();
      }
    }
  }

  private FedLane.Work read(FedLane lane, int from, int lost) {
    long[] local = new long[BLOCKS];
    long[] remote = new long[BLOCKS];
    long[] length = new long[BLOCKS];
    for (int i = 0; i < BLOCKS; i++) {
      local[i] = address(from + i, lost);
      remote[i] = REMOTE + (long) (from + i) * STEP_BYTES;
      length[i] = BLOCK_BYTES;
    }
    FedLane.Work work = new FedLane.Work(Operation.READ, BlockColumns.of(local, remote, length));
    lane.submit(work);
    return work;
  }

  private void answer(FedLane lane, int cut) {
    assertThat(lane.requests()).as("two frames").hasSize(2 * (24 + 16 * BLOCKS));
    ByteArrayOutputStream answers = new ByteArrayOutputStream();
    for (int frame = 0; frame < 2; frame++) {
      answers.writeBytes(OK);
      answers.write(bodies, frame * BODY_BYTES, BODY_BYTES);
    }
    byte[] stream = answers.toByteArray();
    if (cut > 0) {
      lane.feed(Arrays.copyOf(stream, cut));
    }
    lane.feed(Arrays.copyOfRange(stream, cut, stream.length));
  }

  /** Two writes that arrive together. Arguments as above. */
  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "3, 0",
    "7, 0",
    "8, 0",
    "11, 0",
    "15, 0",
    "3, 500",
    "3, 3152",
    "3, 3500",
    "3, 4500",
    "11, 8500",
    "11, 11900",
    "15, 16200"
  })
  void ofTwoWritesTheOneWithTheLostBlockIsRefused(int lost, int cut) throws Exception {
    byte[] stream = writes(lost);
    try (FedTarget target = target()) {
      for (int i = 0; i < WARM_UPS / BLOCKS; i++) {
        feed(target, stream, i % 2 == 0 ? cut : 0);
        assertThat(target.answers()).isEqualTo(answers(OK, OK));
      }
    }
    file.truncate(0);
    for (int i = 0; i < 3; i++) {
      memory.segment().fill((byte) 0);
      try (FedTarget target = target()) {
        feed(target, stream, cut);
        assertThat(target.answers()).isEqualTo(lost < BLOCKS ? REJECTED : answers(OK, REJECTED));
        if (lost >= BLOCKS) {
          assertArrived(0);
        } else {
          assertThat(bytes(BLOCKS)).as("what is behind it").containsOnly(0);
        }
      }
    }
  }

  private FedTarget target() {
    FedTarget target = new FedTarget(memory.segment());
    var _ = target.regions.register(doomed.address(), STEP_BYTES, "*");
    return target;
  }

  private byte[] writes(int lost) {
    int bytes = 24 + 16 * BLOCKS + BODY_BYTES;
    byte[] both = new byte[2 * bytes];
    for (int frame = 0; frame < 2; frame++) {
      byte[] write = new byte[bytes];
      ByteBuffer out = RequestBytes.header(write, BODY_BYTES, BLOCKS, 0xe1);
      for (int i = 0; i < BLOCKS; i++) {
        out.putLong(address(frame * BLOCKS + i, lost)).putLong(BLOCK_BYTES);
      }
      out.put(bodies, frame * BODY_BYTES, BODY_BYTES);
      System.arraycopy(write, 0, both, frame * bytes, bytes);
    }
    return both;
  }

  private static void feed(FedTarget target, byte[] stream, int cut) {
    if (cut > 0) {
      int _ = target.feed(Arrays.copyOf(stream, cut));
    }
    int _ = target.feed(Arrays.copyOfRange(stream, cut, stream.length));
  }

  private static byte[] answers(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length + second.length);
    System.arraycopy(second, 0, both, first.length, second.length);
    return both;
  }

  private long address(int block, int lost) {
    return block == lost ? doomed.address() : memory.address() + (long) block * STEP_BYTES;
  }

  private void assertArrived(int from) {
    for (int block = from; block < from + BLOCKS; block++) {
      assertThat(bytes(block))
          .as("block %d", block)
          .isEqualTo(Arrays.copyOfRange(bodies, block * BLOCK_BYTES, (block + 1) * BLOCK_BYTES));
    }
  }

  private byte[] bytes(int block) {
    return memory
        .segment()
        .asSlice((long) block * STEP_BYTES, BLOCK_BYTES)
        .toArray(ValueLayout.JAVA_BYTE);
  }
}
