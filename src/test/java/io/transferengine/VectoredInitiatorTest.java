// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** The engine as initiator of vectored requests, against targets that announce them. */
@Timeout(60)
class VectoredInitiatorTest {
  private static final int MIB = 1 << 20;

  /**
   * Serves one request after another, but has {@code instead} deal with the first vectored one. By
   * then two plain ones have shown that the connection takes several.
   */
  private static RawTarget.Behaviour atTheFirstFrame(FirstFrame instead) {
    AtomicBoolean met = new AtomicBoolean();
    return c -> {
      RawTarget.@Nullable Request request;
      while ((request = c.next()) != null) {
        if (isVector(request) && met.compareAndSet(false, true)) {
          instead.serve(c, request, c.table(request));
          return;
        }
        if (!c.serve(request)) {
          return;
        }
      }
    };
  }

  private interface FirstFrame {
    void serve(RawTarget.Connection connection, RawTarget.Request request, long[] table)
        throws IOException;
  }

  private static boolean isVector(RawTarget.Request request) {
    return (request.opcode() & ~1) == RawTarget.VECTOR;
  }

  /** Blocks of mixed lengths, never adjacent; their order at the peer is reversed. */
  private static BlockColumns mixed(TestEngine here, int count, int slot, int mostBytes) {
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] length = new long[count];
    for (int i = 0; i < count; i++) {
      local[i] = here.address() + (long) i * slot;
      remote[i] = RawTarget.BASE + (long) (count - 1 - i) * slot;
      length[i] = 1 + (i * 37L) % mostBytes;
    }
    return BlockColumns.of(local, remote, length);
  }

  private static void assertSame(TestEngine here, RawTarget target, BlockColumns blocks, int size) {
    byte[] mine = here.bytes(0, size);
    for (int i = 0; i < blocks.count(); i++) {
      int at = (int) (blocks.local(i) - here.address());
      int there = (int) (blocks.remote(i) - RawTarget.BASE);
      int n = (int) blocks.length(i);
      assertThat(Arrays.equals(mine, at, at + n, target.memory(), there, there + n))
          .as("block %d", i)
          .isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({"WRITE,1", "READ,1", "WRITE,4", "READ,4"})
  void smallBlocksShareFramesAndLargeOnesDoNot(Operation operation, int lanes) throws Exception {
    int count = 1500;
    int slot = 24_000;
    int size = count * slot;
    try (RawTarget target = new RawTarget(2, size).takingVectors();
        TestEngine here = new TestEngine(size, b -> b.tcpLanesPerPeer(lanes))) {
      byte[] content = random(11, size);
      if (operation == Operation.WRITE) {
        here.put(0, content);
      } else {
        System.arraycopy(content, 0, target.memory(), 0, size);
      }
      BlockColumns blocks = mixed(here, count, slot, 20_000);
      for (int round = 0; round < 3; round++) {
        assertCompleted(here.submit(operation, target.name(), blocks));
        assertSame(here, target, blocks, size);
      }
      long small = 0;
      for (int i = 0; i < count; i++) {
        small += blocks.length(i) < 16_384 ? 1 : 0;
      }
      List<Long> inFrames = target.vectorLengths.stream().flatMap(List::stream).toList();
      assertThat(inFrames).allSatisfy(length -> assertThat(length).isLessThan(16_384));
      // A few go by themselves, between two large ones.
      assertThat(inFrames.size()).isBetween((int) (3 * small / 2), (int) (3 * small));
      assertThat(target.vectorLengths)
          .allSatisfy(
              frame -> {
                assertThat(frame).hasSizeBetween(2, 1024);
                assertThat(frame.stream().mapToLong(Long::longValue).sum()).isLessThan(MIB + 1);
              });
    }
  }

  @Test
  void aBatchOfSmallBlocksIsAFewFrames() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      assertCompleted(
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 1000, 100)));
      // Two by themselves: their answers show that the peer takes several on a connection.
      assertThat(target.requests.subList(0, 2)).noneMatch(VectoredInitiatorTest::isVector);
      assertThat(target.requests.subList(2, target.requests.size()))
          .hasSizeLessThan(20)
          .allMatch(VectoredInitiatorTest::isVector);
      assertThat(target.vectorLengths.stream().mapToInt(List::size).sum()).isEqualTo(998);
      assertThat(target.accepted()).isEqualTo(1);
    }
  }

  @Test
  void oneBlockAloneIsAPlainRequest() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB)) {
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 100));
      assertThat(target.requests).hasSize(1).noneMatch(VectoredInitiatorTest::isVector);
    }
  }

  @ParameterizedTest
  @CsvSource({"1,false,true", "2,false,true", "1,true,true", "2,true,false"})
  void whoHasNotAnnouncedThemOrIsAskedOnceAConnectionGetsNone(
      int version, boolean announced, boolean pool) throws Exception {
    try (RawTarget target = new RawTarget(version, MIB);
        TestEngine here = new TestEngine(MIB, b -> b.tcpEnableConnectionPool(pool))) {
      if (announced) {
        target.takingVectors();
      }
      BlockColumns blocks = RawTargetTest.scattered(here, 50, 100);
      for (int round = 0; round < 2; round++) {
        assertCompleted(here.submit(Operation.WRITE, target.name(), blocks));
      }
      assertThat(target.requests).isNotEmpty().noneMatch(VectoredInitiatorTest::isVector);
    }
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void aRefusedFrameComesAgainAsPlainRequests(Operation operation) throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB)) {
      byte[] content = random(5, MIB);
      if (operation == Operation.WRITE) {
        here.put(0, content);
      } else {
        System.arraycopy(content, 0, target.memory(), 0, MIB);
      }
      target.behaving(
          c -> {
            RawTarget.Request request;
            do {
              request = c.required();
              if (isVector(request)) {
                long[] _ = c.table(request);
                c.status(1);
                return;
              }
            } while (c.serve(request));
          });
      BlockColumns blocks = RawTargetTest.scattered(here, 300, 1000);
      assertCompleted(here.submit(operation, target.name(), blocks));
      assertSame(here, target, blocks, MIB);
      assertThat(target.requests).anyMatch(VectoredInitiatorTest::isVector);
    }
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void theBadBlockOfAFrameIsNamedAndOtherTransfersGoOn(Operation operation) throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      target.behaving(
          c -> {
            RawTarget.@Nullable Request request;
            while ((request = c.next()) != null) {
              if (!c.serve(request)) {
                c.socket.shutdownOutput();
                c.drain();
                return;
              }
            }
          });
      here.put(0, random(6, MIB));
      long beyond = RawTarget.BASE + 2L * MIB;
      for (int round = 0; round < 10; round++) {
        int count = 40;
        long[] local = new long[count];
        long[] remote = new long[count];
        long[] length = new long[count];
        for (int i = 0; i < count; i++) {
          local[i] = here.address() + i * 300L;
          remote[i] = i == 20 ? beyond : RawTarget.BASE + 500_000 + i * 300L;
          length[i] = 200;
        }
        Transfer bad =
            here.submit(operation, target.name(), BlockColumns.of(local, remote, length));
        List<Transfer> good = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
          good.add(
              here.submit(
                  Operation.WRITE, target.name(), RawTargetTest.scattered(here, 100, 1000)));
        }
        assertFailed(bad);
        TransferException why = bad.failure().orElseThrow();
        assertThat(why.code()).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED);
        assertThat(why.getMessage()).contains("200 bytes at 0x%x".formatted(beyond));
        // Those before it have arrived.
        assertThat(bad.transferredBytes()).isEqualTo(20 * 200);
        good.forEach(TestEngine::assertCompleted);
      }
    }
  }

  @Test
  void aWriteThatIsCutOffWithinAFrameFails() throws Exception {
    try (RawTarget target = new RawTarget(2, 4 * MIB).takingVectors();
        TestEngine here = new TestEngine(4 * MIB)) {
      target.behaving(
          atTheFirstFrame(
              (c, request, table) -> {
                byte[] _ = c.body(request.size() / 2);
                c.reset();
              }));
      assertFailed(
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 100, 1000)));
      assertCompleted(
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 100, 1000)));
    }
  }

  @Test
  void aReadThatIsCutOffWithinAFrameIsAskedForAgain() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      byte[] content = random(8, MIB);
      System.arraycopy(content, 0, target.memory(), 0, MIB);
      target.behaving(
          atTheFirstFrame(
              (c, request, table) -> {
                c.status(0);
                // The first body and a half.
                int first = (int) (table[0] - RawTarget.BASE);
                c.send(Arrays.copyOfRange(target.memory(), first, first + 1000));
                c.send(new byte[500]);
                c.reset();
              }));
      BlockColumns blocks = RawTargetTest.scattered(here, 100, 1000);
      assertCompleted(here.submit(Operation.READ, target.name(), blocks));
      assertSame(here, target, blocks, MIB);
    }
  }

  @Test
  void aReadThatStallsWithinAFrameEndsAndTouchesNothingAfterwards() throws Exception {
    CountDownLatch goOn = new CountDownLatch(1);
    CountDownLatch wentOn = new CountDownLatch(1);
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          atTheFirstFrame(
              (c, request, table) -> {
                c.status(0);
                c.send(RawTargetTest.filled(1500, (byte) 1));
                RawTargetTest.await(goOn);
                try {
                  c.send(RawTargetTest.filled((int) request.size() - 1500, (byte) 2));
                  c.endAndDrain();
                } finally {
                  wentOn.countDown();
                }
              }));
      Transfer transfer =
          here.submit(
              Operation.READ,
              target.name(),
              RawTargetTest.scattered(here, 100, 1000),
              Duration.ofSeconds(4));
      assertThat(TestEngine.end(transfer)).isEqualTo(TransferState.TIMEOUT);
      byte[] marks = RawTargetTest.filled(MIB, (byte) 9);
      here.put(0, marks);
      goOn.countDown();
      RawTargetTest.await(wentOn);
      assertThat(here.bytes(0, MIB)).isEqualTo(marks);
    }
  }

  @Test
  void aStatusWithoutMeaningFailsTheFrame() throws Exception {
    try (RawTarget target = new RawTarget(2, MIB).takingVectors();
        TestEngine here = new TestEngine(MIB)) {
      target.behaving(
          atTheFirstFrame(
              (c, request, table) -> {
                byte[] _ = c.body(request.size());
                c.send(RawTargetTest.filled(8, (byte) 3));
                c.drain();
              }));
      assertFailed(
          here.submit(Operation.WRITE, target.name(), RawTargetTest.scattered(here, 100, 1000)));
    }
  }
}
