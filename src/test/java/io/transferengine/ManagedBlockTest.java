// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Managed buffers of a process are one registration, but each of them is a range by itself: what
 * was freed, what was never handed out and what belongs to the next one is out of peers' reach.
 */
@Timeout(60)
class ManagedBlockTest {
  private static final int KIB = 1 << 10;
  private static final long BLOCK = 64 * KIB;

  private final PeerProcess target = PeerProcess.initialized(Map.of());
  private final TransferEngine engine = new TransferEngine();
  private final Mapped mine = Mapped.of(4 << 20);

  /** Keeps the pool registered when all others are freed. */
  private long keeper;

  @BeforeEach
  void open() {
    keeper = target.allocate(BLOCK);
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    assertThat(engine.registerMemory(mine.address(), 4 << 20)).isZero();
    Pattern.fill(mine.segment(), 1, 0);
  }

  @AfterEach
  void close() {
    target.close();
    engine.close();
    mine.close();
  }

  private int write(long remote, long length) {
    return engine.transferSyncWrite(target.name(), mine.address(), remote, length);
  }

  private int read(long remote, long length) {
    return engine.transferSyncRead(target.name(), mine.address(), remote, length);
  }

  @ParameterizedTest
  @ValueSource(longs = {100, 5_000, BLOCK})
  void whatWasFreedIsOutOfReachAndItsNextOwnerIsSafe(long length) {
    long freed = target.allocate(BLOCK);
    assertThat(write(freed, length)).isZero();
    assertThat(target.call("freeManagedBuffer", freed, BLOCK)).isZero();
    assertThat(write(freed, length)).as("freed").isNegative();
    assertThat(read(freed, length)).as("freed").isNegative();

    long next = target.allocate(BLOCK);
    target.fill(next, BLOCK, 2);
    assertThat(write(freed, length)).as("with a next owner").isNegative();
    assertThat(target.mismatch(next, BLOCK, 2)).isEqualTo(-1);
    assertThat(write(next, BLOCK)).as("to the next owner's own address").isZero();
  }

  @Test
  void aWriteThatIsTooLongDoesNotReachTheNeighbour() {
    long first = target.allocate(BLOCK);
    long second = target.allocate(BLOCK);
    long lower = Math.min(first, second);
    assertThat(Math.max(first, second)).as("neighbours").isEqualTo(lower + BLOCK);
    target.fill(lower, 2 * BLOCK, 3);
    assertThat(write(lower, BLOCK + 1)).isNegative();
    assertThat(write(lower + BLOCK - 1, 2)).isNegative();
    assertThat(target.mismatch(lower, 2 * BLOCK, 3)).isEqualTo(-1);
  }

  @Test
  void whatWasNeverHandedOutIsOutOfReach() {
    long odd = target.allocate(5_000);
    assertThat(write(odd, 5_000)).isZero();
    assertThat(write(odd, 5_001)).as("the rest of the block").isNegative();
    assertThat(write(keeper + (32L << 20), 8)).as("the rest of the pool").isNegative();
    assertThat(read(keeper + (32L << 20), 8)).isNegative();
    assertThat(read(odd, 5_000)).isZero();
  }

  /** What comes in for a block when it is freed is cut off, what comes in for its pool is not. */
  @ParameterizedTest
  @ValueSource(ints = {1000, 60_000})
  void freeingCutsOffWhatComesInForThatBlock(int length) throws Exception {
    try (TestEngine owner = new TestEngine(4096);
        Allocation beside = owner.engine.allocate(BLOCK);
        RawInitiator writer = RawInitiator.to(owner.engine.rpcPort());
        RawInitiator neighbour = RawInitiator.to(owner.engine.rpcPort())) {
      Allocation freed = owner.engine.allocate(BLOCK);
      for (RawInitiator each : new RawInitiator[] {writer, neighbour}) {
        long address = each == writer ? freed.address() : beside.address();
        each.send(RawInitiator.header(length, address, RawInitiator.WRITE | RawInitiator.V2));
        each.send(new byte[100]);
      }
      TestEngine.eventually("both bodies", () -> owner.count(Counter.INBOUND_BYTES_WRITTEN) == 200);
      freed.close();
      assertThat(writer.receiveToEndOrReset()).isTrue();
      neighbour.send(new byte[length - 100]);
      assertThat(neighbour.receive(8)).isEqualTo(RawInitiator.OK);
    }
  }

  /** Adjacent blocks are merged on the way, and are two buffers all the same. */
  @ParameterizedTest
  @ValueSource(longs = {8 * KIB, BLOCK})
  void aBatchOverNeighboursArrivesAlthoughItsBlocksWereMerged(long length) {
    int count = 16;
    long[] remote = new long[count];
    long[] local = new long[count];
    long[] lengths = new long[count];
    Arrays.fill(lengths, length);
    Arrays.setAll(remote, i -> target.allocate(length));
    Arrays.sort(remote);
    Arrays.setAll(local, i -> mine.address() + i * length);
    for (int round = 0; round < 3; round++) {
      target.zero(remote[0], length);
      assertThat(engine.batchTransferSyncWrite(target.name(), local, remote, lengths)).isZero();
      for (int i = 0; i < count; i++) {
        assertThat(target.mismatch(remote[i], length, 1, i * length))
            .as("block %s", i)
            .isEqualTo(-1);
      }
      assertThat(engine.batchTransferSyncRead(target.name(), local, remote, lengths)).isZero();
    }
  }

  /** Once a peer has shown that it does not take merged requests, it gets none. */
  @Test
  void aMergeThatWasRefusedIsNotTriedAgain() throws Exception {
    int count = 16;
    try (TestEngine here = new TestEngine(count * BLOCK)) {
      long[] remote = new long[count];
      long[] local = new long[count];
      long[] lengths = new long[count];
      Arrays.fill(lengths, BLOCK);
      Arrays.setAll(remote, i -> target.allocate(BLOCK));
      Arrays.sort(remote);
      Arrays.setAll(local, i -> here.address() + i * BLOCK);
      BlockColumns blocks = BlockColumns.of(local, remote, lengths);
      TestEngine.assertCompleted(here.submit(Operation.WRITE, target.name(), blocks));
      long rejected = here.count(Counter.REQUESTS_REJECTED_BY_PEER);
      assertThat(rejected).isBetween(1L, 8L);
      for (int i = 0; i < 3; i++) {
        TestEngine.assertCompleted(here.submit(Operation.WRITE, target.name(), blocks));
      }
      assertThat(here.count(Counter.REQUESTS_REJECTED_BY_PEER)).isEqualTo(rejected);
    }
  }
}
