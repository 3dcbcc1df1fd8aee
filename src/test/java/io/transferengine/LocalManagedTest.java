// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Managed memory of this process, which another on the machine copies from and to. */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class LocalManagedTest {
  private static final Map<String, String> REQUIRED = Map.of("TE_LOCAL", "required");
  private static final int ROUNDS = 60;

  /** All that the engine has of managed memory. */
  private static final long POOL = 64 << 20;

  private static final int HALF = 32 << 20;

  /** What is handed out afterwards: less than what is copied at once, which is 1 MiB. */
  private static final int SMALL = 512 << 10;

  /** What the peer copies: each MiB of it lies in three small blocks, so it finds it freed. */
  private static final int BYTES = 8 << 20;

  private static final int OFFSET = SMALL / 2;

  private static final byte MARKER = (byte) 0xa5;
  private static final long SEED = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);

  private final Random random = new Random(SEED);
  private final TestEngine ours =
      new TestEngine(4096, builder -> builder.local(LocalMode.AUTO).managedMemoryLimitBytes(POOL));

  LocalManagedTest() {
    System.out.println("LocalManagedTest: replay with -Dseed=" + SEED);
  }

  private void startCopy(PeerProcess peer, Operation operation, MemorySegment to, long there) {
    String method = operation == Operation.WRITE ? "transferSyncWrite" : "transferSyncRead";
    peer.tell(
        "call", method, ours.engine.segmentName(), there, to.address() + OFFSET, (long) BYTES);
  }

  /** As many small blocks as lie where the peer copies. */
  private List<Allocation> allocateSmall() {
    List<Allocation> small = new ArrayList<>();
    for (int i = 0; i <= BYTES / SMALL; i++) {
      small.add(ours.engine.allocate(SMALL));
    }
    return small;
  }

  private static void assertMarked(List<Allocation> small, int round) {
    int others = 0;
    for (Allocation part : small) {
      for (byte each : part.segment().toArray(ValueLayout.JAVA_BYTE)) {
        others += each == MARKER ? 0 : 1;
      }
    }
    assertThat(others).as("-Dseed=%d, round %d", SEED, round).isZero();
  }

  @Test
  void managedMemoryOnBothSidesGoesBothWays() {
    try (ours;
        PeerProcess peer = PeerProcess.initialized(REQUIRED)) {
      long there = peer.allocate(BYTES);
      MemorySegment here = ours.engine.allocate(BYTES).segment();
      for (int length : new int[] {1, 4096, 65_536, 65_537, 3_000_001, BYTES}) {
        Pattern.fill(here.asSlice(0, length), length, 0);
        String us = ours.engine.segmentName();
        assertThat(peer.call("transferSyncRead", us, there, here.address(), (long) length))
            .isZero();
        assertThat(peer.mismatch(there, length, length)).isEqualTo(-1);
        peer.fill(there, length, length + 1);
        assertThat(peer.call("transferSyncWrite", us, there, here.address(), (long) length))
            .isZero();
        assertThat(Pattern.firstMismatch(here.asSlice(0, length), length + 1, 0)).isEqualTo(-1);
      }
      assertThat(peer.ask("counters")).contains("LOCAL_PEERS=1");
      assertThat(ours.engine.metrics().get(Counter.LOCAL_LEASES_REFUSED)).isZero();
    }
  }

  /** The peer copies all the time, and we free the memory and allocate it at any moment. */
  @ParameterizedTest
  @EnumSource
  void whatIsHandedOutAgainIsNotTouchedByEarlierCopies(Operation operation) {
    try (ours;
        PeerProcess peer = PeerProcess.initialized(REQUIRED)) {
      long there = peer.allocate(BYTES);
      Allocation _ = ours.engine.allocate(HALF); // So that the pool stays.
      int cutOff = 0;
      for (int round = 0; round < ROUNDS; round++) {
        Allocation block = ours.engine.allocate(HALF);
        block.segment().asSlice(OFFSET, BYTES).fill((byte) 1);
        peer.zero(there, BYTES);
        startCopy(peer, operation, block.segment(), there);
        LockSupport.parkNanos(random.nextInt(8_000_000));
        block.close();
        List<Allocation> small = allocateSmall();
        assertThat(small.getFirst().address()).isEqualTo(block.address());
        small.forEach(each -> each.segment().fill(MARKER));
        cutOff += Long.parseLong(peer.answer()) == 0 ? 0 : 1;
        assertMarked(small, round);
        // What was read is from before.
        assertThat(peer.ask("count", there, BYTES, (long) MARKER)).isEqualTo("0");
        small.forEach(Allocation::close);
      }
      System.out.println(operation + ": cut off in " + cutOff + " of " + ROUNDS);
      assertThat(cutOff).isPositive();
      assertThat(peer.ask("counters")).contains("LOCAL_PEERS=1");
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPeerThatIsStoppedHoldsMemoryBackAndOneThatIsKilledDoesNot(Operation operation) {
    try (ours;
        PeerProcess peer = PeerProcess.initialized(REQUIRED)) {
      long there = peer.allocate(BYTES);
      Allocation _ = ours.engine.allocate(HALF);
      int heldBack = 0;
      for (int round = 0; heldBack < 2 && round < 20; round++) {
        Allocation block = ours.engine.allocate(HALF);
        startCopy(peer, operation, block.segment(), there);
        LockSupport.parkNanos(random.nextInt(3_000_000));
        peer.stop();
        block.close();
        List<Allocation> small;
        try {
          small = allocateSmall();
          peer.resume();
        } catch (TransferException held) {
          assertThat(held.code()).isEqualTo(ErrorCode.MEMORY);
          heldBack++;
          peer.resume();
          small = allocateSmall();
        }
        small.forEach(each -> each.segment().fill(MARKER));
        String _ = peer.answer();
        assertMarked(small, round);
        small.forEach(Allocation::close);
      }
      Allocation block = ours.engine.allocate(HALF);
      startCopy(peer, operation, block.segment(), there);
      LockSupport.parkNanos(random.nextInt(3_000_000));
      peer.stop();
      block.close();
      var _ = peer.process().destroyForcibly();
      List<Allocation> small = allocateSmall();
      small.forEach(each -> each.segment().fill(MARKER));
      peer.kill();
      assertMarked(small, -1);
    }
  }
}
