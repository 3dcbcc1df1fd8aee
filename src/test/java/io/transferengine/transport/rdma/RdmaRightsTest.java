// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.MemoryPool;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.wire.BufferDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a registration lets peers do over RDMA, where the target's network card decides. */
@Timeout(120)
class RdmaRightsTest {
  private static final int SIZE = 1 << 18;

  private final SimulatedFabric fabric = new SimulatedFabric(seed());
  private final SimulatedEngine here =
      new SimulatedEngine(
          fabric.process("here", List.of("sim0")),
          List.of("sim0"),
          Map.of("MC_SLICE_SIZE", "4096"));
  private final SimulatedEngine there =
      new SimulatedEngine(fabric.process("there", List.of("sim0")), List.of("sim0"), Map.of());
  private final MemorySegment ours = here.register(SIZE);
  private final MemorySegment open = there.register(SIZE);
  private final MemorySegment readOnly = there.register(SIZE, AccessRights.READ_ONLY);
  private final MemorySegment writeOnly = there.register(SIZE, AccessRights.WRITE_ONLY);

  private static long seed() {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println("RdmaRightsTest: replay with -Dseed=" + seed);
    return seed;
  }

  RdmaRightsTest() {
    Random random = new Random(fabric.seed());
    for (MemorySegment memory : List.of(ours, open, readOnly, writeOnly)) {
      for (long i = 0; i < SIZE; i += Long.BYTES) {
        memory.set(ValueLayout.JAVA_LONG, i, random.nextLong());
      }
    }
  }

  @AfterEach
  void nothingIsLeft() {
    here.close();
    there.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  private BlockColumns all(MemorySegment remote) {
    return BlockColumns.of(ours.address(), remote.address(), SIZE);
  }

  private static void assertCompleted(Started started) throws Exception {
    End end = started.await();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(TransferState.COMPLETED);
  }

  private Started forbidden(boolean write) {
    return write ? here.write(there, all(readOnly)) : here.read(there, all(writeOnly));
  }

  @Test
  void theDescriptorSaysWhatPeersMayDo() {
    assertThat(there.descriptor().buffers())
        .extracting(BufferDescriptor::rights)
        .containsExactly(AccessRights.READ_WRITE, AccessRights.READ_ONLY, AccessRights.WRITE_ONLY);
  }

  @Test
  void whatTheRightsAllowIsDone() throws Exception {
    assertCompleted(here.write(there, all(writeOnly)));
    assertThat(writeOnly.mismatch(ours)).isEqualTo(-1);
    assertCompleted(here.read(there, all(readOnly)));
    assertThat(readOnly.mismatch(ours)).isEqualTo(-1);
  }

  /** Our own reads put bytes where peers may only read. */
  @Test
  void ourOwnTransfersAreNotBound() throws Exception {
    assertCompleted(there.read(here, BlockColumns.of(readOnly.address(), ours.address(), SIZE)));
    assertThat(readOnly.mismatch(ours)).isEqualTo(-1);
    assertCompleted(there.write(here, BlockColumns.of(writeOnly.address(), ours.address(), SIZE)));
    assertThat(ours.mismatch(writeOnly)).isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void theCardRefusesTheRestAndNothingMoves(boolean write) throws Exception {
    byte[] before = bytes(write ? readOnly : ours);
    End end = forbidden(write).await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.STALE_DESCRIPTOR);
    assertThat(end.failure().orElseThrow())
        .hasMessageContaining(write ? "the write of" : "the read of")
        .hasMessageContaining("lets peers do this");
    assertThat(bytes(write ? readOnly : ours)).isEqualTo(before);
    // The queue pair went to the error state; there is a new one now.
    assertCompleted(here.write(there, all(open)));
    assertThat(open.mismatch(ours)).isEqualTo(-1);
  }

  /** A refusal ends the queue pair that others use; what they have posted is sent again. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void neighboursOfARefusedTransferComplete(boolean write) throws Exception {
    fabric.faults().delay(Duration.ofNanos(1), Duration.ofMillis(5));
    for (int round = 0; round < 5; round++) {
      List<Started> neighbours = new ArrayList<>();
      List<Started> refused = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        long offset = i * (SIZE / 8L);
        neighbours.add(
            here.write(
                there,
                BlockColumns.of(ours.address() + offset, open.address() + offset, SIZE / 8)));
        if (i == 4) {
          refused.add(forbidden(write));
        }
      }
      for (Started neighbour : neighbours) {
        assertCompleted(neighbour);
      }
      assertThat(refused.getFirst().await().state()).isEqualTo(TransferState.FAILED);
    }
    // A refused read has not touched ours.
    assertThat(open.mismatch(ours)).isEqualTo(-1);
  }

  /** Allocated memory of each kind of rights is a memory region of its own at the card. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void allocatedMemoryIsRefusedAsARangeIs(boolean write) throws Exception {
    try (MemoryPool pool = there.pool()) {
      AccessRights forbidding = write ? AccessRights.READ_ONLY : AccessRights.WRITE_ONLY;
      AccessRights allowing = write ? AccessRights.WRITE_ONLY : AccessRights.READ_ONLY;
      MemorySegment closed = pool.allocate(SIZE, forbidding);
      MemorySegment allowed = pool.allocate(SIZE, allowing);
      byte[] before = bytes(write ? closed : ours);
      End end = move(write, closed).await();
      assertThat(end.state()).isEqualTo(TransferState.FAILED);
      assertThat(end.cause()).contains(FailureCause.STALE_DESCRIPTOR);
      assertThat(bytes(write ? closed : ours)).isEqualTo(before);
      assertCompleted(move(write, allowed));
      assertThat(allowed.mismatch(ours)).isEqualTo(-1);
      assertCompleted(here.write(there, all(open)));
    }
  }

  private Started move(boolean write, MemorySegment remote) {
    return write ? here.write(there, all(remote)) : here.read(there, all(remote));
  }

  private static byte[] bytes(MemorySegment memory) {
    return memory.toArray(ValueLayout.JAVA_BYTE);
  }
}
