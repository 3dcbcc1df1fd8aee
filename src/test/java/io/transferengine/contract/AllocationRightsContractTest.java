// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.engine.TransferHandle;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Memory that is allocated with rights, in whole engines over each transport. */
@ParameterizedClass(name = "{0}")
@MethodSource("transports")
@Timeout(120)
class AllocationRightsContractTest {
  private static final Duration LONG = Duration.ofMinutes(5);
  private static final int SIZE = 300_000;

  static Stream<Candidate> transports() {
    return Stream.of(
        new Candidate("TCP version 2", _ -> new TcpSetup(2)),
        new Candidate("TCP with checksums", _ -> TcpSetup.withChecksums()),
        new Candidate("TCP over TLS", _ -> TcpSetup.overTls()),
        new Candidate("copies on one machine", _ -> new LocalSetup()),
        new Candidate("RDMA on simulated devices", SimulatedRdmaSetup::new));
  }

  private final TransportSetup setup;
  private final Party left;
  private final Party right;
  private final MemorySegment ours;

  AllocationRightsContractTest(Candidate candidate) {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println(
        "AllocationRightsContractTest, " + candidate + ": replay with -Dseed=" + seed);
    setup = candidate.setup().apply(seed);
    left = new Party(setup, "left", seed);
    right = new Party(setup, "right", seed + 1);
    ours = left.core.memory().allocate(SIZE, AccessRights.READ_ONLY);
    ours.fill((byte) 1);
  }

  @AfterEach
  void nothingIsLeft() {
    left.close();
    right.close();
    setup.close();
  }

  private TransferHandle move(Operation operation, MemorySegment there) {
    return left.submit(
        operation, right, BlockColumns.of(ours.address(), there.address(), SIZE), LONG);
  }

  private static void assertEnds(TransferHandle transfer, TransferState state) throws Exception {
    assertThat(transfer.await(Duration.ofSeconds(60)))
        .as("%s", transfer.failure())
        .isEqualTo(state);
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void whatIsNotAllowedFailsAloneAndMovesNothing(Operation operation) throws Exception {
    boolean write = operation == Operation.WRITE;
    AccessRights forbidding = write ? AccessRights.READ_ONLY : AccessRights.WRITE_ONLY;
    AccessRights allowing = write ? AccessRights.WRITE_ONLY : AccessRights.READ_ONLY;
    MemorySegment closed = right.core.memory().allocate(SIZE, forbidding);
    MemorySegment open = right.core.memory().allocate(SIZE, allowing);
    open.fill((byte) 1);
    for (int round = 0; round < 3; round++) {
      TransferHandle before = move(operation, open);
      TransferHandle refused = move(operation, closed);
      TransferHandle after = move(operation, open);
      assertEnds(refused, TransferState.FAILED);
      assertThat(refused.failure().orElseThrow())
          .hasMessageContaining("it lets peers " + forbidding.text());
      assertEnds(before, TransferState.COMPLETED);
      assertEnds(after, TransferState.COMPLETED);
      assertThat(closed.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
      assertThat(ours.toArray(ValueLayout.JAVA_BYTE)).containsOnly(1);
    }
    // Freed, it is nobody's; and what is allocated next with other rights is elsewhere.
    right.core.memory().free(closed.address(), SIZE);
    MemorySegment next = right.core.memory().allocate(SIZE, allowing);
    assertThat(next.address()).isNotEqualTo(closed.address());
    assertEnds(move(operation, next), TransferState.COMPLETED);
  }
}
