// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.end;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Copies between this process and another on the machine ({@code TE_LOCAL}). */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class LocalTransferTest {
  private static final int BYTES = 8 << 20;
  private static final Map<String, String> AUTO = Map.of("TE_LOCAL", "auto");
  private static final int ROUNDS = 60;

  /** What is copied in one call. */
  private static final long CLAIM = 1 << 20;

  private static final byte MARKER = (byte) 0xa5;
  private static final long SEED = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);

  private final Random random = new Random(SEED);

  LocalTransferTest() {
    System.out.println("LocalTransferTest: replay with -Dseed=" + SEED);
  }

  private static TestEngine engine(LocalMode mode) {
    return new TestEngine(BYTES, builder -> builder.local(mode));
  }

  private static long count(TestEngine ours, Counter counter) {
    return ours.engine.metrics().get(counter);
  }

  private static long registered(PeerProcess peer) {
    long there = peer.map(BYTES);
    assertThat(peer.call("registerMemory", there, (long) BYTES)).isZero();
    return there;
  }

  @Test
  void bytesGoBothWaysAndNoNetworkIsUsed() {
    try (TestEngine ours = engine(LocalMode.REQUIRED);
        PeerProcess peer = PeerProcess.initialized(Map.of("TE_LOCAL", "required"))) {
      long there = registered(peer);
      for (int length : new int[] {1, 4096, 65_536, 65_537, 3_000_001, BYTES}) {
        Pattern.fill(ours.memory.asSlice(0, length), length, 0);
        assertCompleted(ours.submit(Operation.WRITE, peer.name(), there, length));
        assertThat(peer.mismatch(there, length, length)).isEqualTo(-1);
        peer.fill(there, length, length + 1);
        assertCompleted(ours.submit(Operation.READ, peer.name(), there, length));
        assertThat(Pattern.firstMismatch(ours.memory.asSlice(0, length), length + 1, 0))
            .isEqualTo(-1);
      }
      // The peer's turn.
      String us = ours.engine.segmentName();
      peer.fill(there, BYTES, 3);
      assertThat(peer.call("transferSyncWrite", us, there, ours.address(), (long) BYTES)).isZero();
      assertThat(Pattern.firstMismatch(ours.memory, 3, 0)).isEqualTo(-1);
      peer.zero(there, BYTES);
      assertThat(peer.call("transferSyncRead", us, there, ours.address(), (long) BYTES)).isZero();
      assertThat(peer.mismatch(there, BYTES, 3)).isEqualTo(-1);
      assertThat(count(ours, Counter.LOCAL_PEERS)).isEqualTo(1);
      assertThat(peer.ask("counters")).contains("LOCAL_PEERS=1");
    }
  }

  @Test
  void enginesOfWhichNobodySaysAnythingChooseItByThemselves() {
    EngineConfig byDefault = EngineConfig.builder("127.0.0.1").listenAddress("127.0.0.1").build();
    try (Engine one = Engine.open(byDefault);
        Engine other = Engine.open(byDefault);
        Allocation here = one.allocate(4096);
        Allocation there = other.allocate(4096)) {
      there.segment().fill(MARKER);
      assertCompleted(
          one.submit(
              TransferRequest.of(
                  Operation.READ,
                  other.segmentName(),
                  BlockColumns.of(here.address(), there.address(), 4096))));
      assertThat(here.segment().mismatch(there.segment())).isEqualTo(-1);
      assertThat(one.metrics().get(Counter.LOCAL_PEERS)).isEqualTo(1);
    }
  }

  @Test
  void scatteredBlocksArriveEachInItsPlace() {
    int blocks = 1500;
    int stride = 5000;
    try (TestEngine ours = engine(LocalMode.REQUIRED);
        PeerProcess peer = PeerProcess.initialized(AUTO)) {
      long there = registered(peer);
      peer.zero(there, BYTES);
      Pattern.fill(ours.memory, 5, 0);
      long[] local = new long[blocks];
      long[] remote = new long[blocks];
      long[] length = new long[blocks];
      for (int i = 0; i < blocks; i++) {
        local[i] = ours.address() + i * 4096L;
        remote[i] = there + (long) (blocks - 1 - i) * stride;
        length[i] = 4096;
      }
      BlockColumns all = BlockColumns.of(local, remote, length);
      assertCompleted(ours.submit(Operation.WRITE, peer.name(), all));
      for (int i = 0; i < blocks; i += 100) {
        assertThat(peer.mismatch(remote[i], 4096, 5, i * 4096L)).isEqualTo(-1);
      }
      ours.memory.fill((byte) 0);
      assertCompleted(ours.submit(Operation.READ, peer.name(), all));
      MemorySegment got = ours.memory.asSlice(0, blocks * 4096L);
      assertThat(Pattern.firstMismatch(got, 5, 0)).isEqualTo(-1);
    }
  }

  // ---- taking memory back

  /** The peer copies all the time, and we take the memory back at any moment. */
  @ParameterizedTest
  @EnumSource
  void whatWasTakenBackIsNotTouchedAnyMore(Operation operation) {
    try (TestEngine ours = engine(LocalMode.AUTO);
        PeerProcess peer = PeerProcess.initialized(Map.of("TE_LOCAL", "required"))) {
      long there = registered(peer);
      MemorySegment memory = ours.arena.allocate(BYTES, 4096);
      int cutOff = 0;
      for (int round = 0; round < ROUNDS; round++) {
        memory.fill((byte) 1);
        peer.zero(there, BYTES);
        Registration registration = ours.engine.register(memory);
        startCopy(peer, operation, ours, memory, there);
        LockSupport.parkNanos(random.nextInt(12_000_000));
        registration.close();
        mark(memory);
        cutOff += Long.parseLong(peer.answer()) == 0 ? 0 : 1;
        assertThat(marked(memory)).as("-Dseed=%d, round %d", SEED, round).isEqualTo(BYTES);
        // What was read is from before.
        assertThat(peer.ask("count", there, BYTES, (long) MARKER)).isEqualTo("0");
      }
      System.out.println(operation + ": cut off in " + cutOff + " of " + ROUNDS);
      assertThat(cutOff).isPositive();
      assertThat(peer.ask("counters")).contains("LOCAL_PEERS=1");
    }
  }

  /** The ends of all claims at once: what a late copy reaches last. Then the rest. */
  private static void mark(MemorySegment memory) {
    int page = 4096;
    for (long end = CLAIM; end <= BYTES; end += CLAIM) {
      memory.asSlice(end - page, page).fill(MARKER);
    }
    for (long end = CLAIM; end <= BYTES; end += CLAIM) {
      memory.asSlice(end - CLAIM, CLAIM - page).fill(MARKER);
    }
  }

  private static void startCopy(
      PeerProcess peer, Operation operation, TestEngine ours, MemorySegment memory, long there) {
    String method = operation == Operation.WRITE ? "transferSyncWrite" : "transferSyncRead";
    peer.tell("call", method, ours.engine.segmentName(), there, memory.address(), (long) BYTES);
  }

  private static long marked(MemorySegment memory) {
    long marked = 0;
    for (byte each : memory.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)) {
      marked += each == MARKER ? 1 : 0;
    }
    return marked;
  }

  @ParameterizedTest
  @EnumSource
  void aPeerThatIsStoppedOrKilledHoldsNoMemory(Operation operation) {
    try (TestEngine ours = engine(LocalMode.AUTO);
        PeerProcess peer = PeerProcess.initialized(Map.of("TE_LOCAL", "required"))) {
      long there = registered(peer);
      MemorySegment memory = ours.arena.allocate(BYTES, 4096);
      for (int round = 0; round < 40; round++) {
        Registration registration = ours.engine.register(memory);
        startCopy(peer, operation, ours, memory, there);
        LockSupport.parkNanos(random.nextInt(2_000_000));
        peer.stop();
        registration.close();
        memory.fill(MARKER);
        peer.resume();
        String _ = peer.answer();
        assertThat(marked(memory)).as("-Dseed=%d, round %d", SEED, round).isEqualTo(BYTES);
      }
      Registration registration = ours.engine.register(memory);
      startCopy(peer, operation, ours, memory, there);
      LockSupport.parkNanos(random.nextInt(2_000_000));
      var _ = peer.process().destroyForcibly();
      registration.close();
      memory.fill(MARKER);
      peer.kill();
      assertThat(marked(memory)).isEqualTo(BYTES);
    }
  }

  @Test
  void aPeerThatIsGoneFailsAndAnotherInItsPlaceIsReached() {
    try (TestEngine ours = engine(LocalMode.REQUIRED)) {
      String name;
      try (PeerProcess peer = PeerProcess.initialized(AUTO)) {
        name = peer.name();
        assertCompleted(ours.submit(Operation.WRITE, name, registered(peer), 100));
        long there = registered(peer);
        assertCompleted(ours.submit(Operation.WRITE, name, there, 100));
        peer.kill();
        assertThat(end(ours.submit(Operation.WRITE, name, there, 100)))
            .isEqualTo(TransferState.FAILED);
      }
      String port = name.substring(name.indexOf(':') + 1);
      try (PeerProcess peer =
          PeerProcess.initialized(Map.of("TE_LOCAL", "auto", "TE_RPC_PORT", port))) {
        assertThat(peer.name()).isEqualTo(name);
        long there = registered(peer);
        Pattern.fill(ours.memory, 9, 0);
        assertCompleted(ours.submit(Operation.WRITE, name, there, BYTES));
        assertThat(peer.mismatch(there, BYTES, 9)).isEqualTo(-1);
      }
      assertThat(count(ours, Counter.LOCAL_PEERS)).isEqualTo(2);
    }
  }

  /** The process that has the leases lives on. */
  @Test
  void leasesOfEnginesThatHaveClosedAreFreeAgain() {
    try (PeerProcess peer = PeerProcess.initialized(Map.of("TE_LOCAL", "required"))) {
      long there = registered(peer);
      for (int i = 0; i < 20; i++) {
        try (TestEngine ours = engine(LocalMode.REQUIRED)) {
          assertCompleted(ours.submit(Operation.WRITE, peer.name(), there, 100));
          assertThat(count(ours, Counter.LOCAL_PEERS)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void managedAndRegisteredMemoryOfThePeerIsCopiedInOneTransfer() {
    try (TestEngine ours = engine(LocalMode.REQUIRED);
        PeerProcess peer = PeerProcess.initialized(AUTO)) {
      long managed = peer.allocate(100_000);
      long there = registered(peer);
      Pattern.fill(ours.memory, 4, 0);
      BlockColumns both =
          BlockColumns.of(
              new long[] {ours.address(), ours.address()},
              new long[] {managed, there},
              new long[] {100_000, 100_000});
      assertCompleted(ours.submit(Operation.WRITE, peer.name(), both));
      assertThat(peer.mismatch(managed, 100_000, 4)).isEqualTo(-1);
      assertThat(peer.mismatch(there, 100_000, 4)).isEqualTo(-1);
      assertThat(count(ours, Counter.LOCAL_PEERS)).isEqualTo(1);
    }
  }

  // ---- where it is not used

  @Test
  void aPeerThatDoesNotOfferItIsReachedOverTheNetworkWithoutAWord() {
    try (LogCapture log = new LogCapture();
        TestEngine ours = engine(LocalMode.AUTO);
        TestEngine strict = engine(LocalMode.REQUIRED);
        PeerProcess peer = PeerProcess.initialized(Map.of())) {
      long there = registered(peer);
      assertCompleted(ours.submit(Operation.WRITE, peer.name(), there, 100_000));
      assertThat(count(ours, Counter.LOCAL_PEERS_MISSED)).isZero();
      assertThat(log.warnings()).isEmpty();
      Transfer refused = strict.submit(Operation.WRITE, peer.name(), there, 100);
      assertThat(end(refused)).isEqualTo(TransferState.FAILED);
      assertThat(refused.failure().orElseThrow())
          .hasMessageContainingAll(peer.name(), "LOCAL is required (TE_LOCAL)");
    }
  }

  private static final AccessPolicy ALL =
      new AccessPolicy() {
        @Override
        public boolean mayRead(PeerIdentity peer, RegisteredRange range) {
          return true;
        }

        @Override
        public boolean mayWrite(PeerIdentity peer, RegisteredRange range) {
          return true;
        }
      };

  @Test
  void anEngineThatDecidesWhoMayIsReachedOverTheNetwork() {
    try (TestEngine ours = engine(LocalMode.AUTO);
        TestEngine asking =
            new TestEngine(BYTES, each -> each.local(LocalMode.AUTO).accessPolicy(ALL))) {
      Pattern.fill(ours.memory, 7, 0);
      assertCompleted(
          ours.submit(Operation.WRITE, asking.engine.segmentName(), asking.address(), BYTES));
      assertThat(Pattern.firstMismatch(asking.memory, 7, 0)).isEqualTo(-1);
      assertThat(count(ours, Counter.LOCAL_PEERS)).isZero();
    }
    assertThatThrownBy(
            () -> new TestEngine(9, each -> each.local(LocalMode.REQUIRED).accessPolicy(ALL)))
        .hasMessageContainingAll("LOCAL is required (TE_LOCAL)", "access policy");
  }
}
