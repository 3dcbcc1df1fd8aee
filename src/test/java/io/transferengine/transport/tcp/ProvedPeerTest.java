// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Of whom it is known, before it has answered a request, that it takes several. */
@Timeout(60)
class ProvedPeerTest {
  private static final OptionalLong INCARNATION = OptionalLong.of(0x0123456789abcdefL);
  private static final long REMOTE = 0x7f5a_0000_0000L;
  private static final int HEADER = 24;
  private static final int WORKS = 3;

  /** Not joined in one frame, since it is more than a small body. */
  private static final int BYTES = 20_000;

  private static final byte[] STATUS_OK = status(0);

  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory = arena.allocate(2L * WORKS * BYTES);
  private final List<FedLane.Work> works = new ArrayList<>();

  @AfterEach
  void freeMemory() {
    arena.close();
  }

  private static byte[] status(int code) {
    return ByteBuffer.allocate(8)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(code)
        .put(new byte[] {'V', 'T', 'C', 'M'})
        .array();
  }

  private FedLane lane(boolean vectors, OptionalLong incarnation) {
    FedLane lane = new FedLane(new WireForm(true, vectors, false, incarnation), false);
    for (int i = 0; i < WORKS; i++) {
      long at = 2L * i * BYTES;
      FedLane.Work work =
          new FedLane.Work(
              Operation.WRITE,
              BlockColumns.of(
                  new long[] {memory.address() + at},
                  new long[] {REMOTE + at},
                  new long[] {BYTES}));
      works.add(work);
      lane.submit(work);
    }
    return lane;
  }

  @Test
  void takesSeveralFromItsProofOn() {
    try (FedLane lane = lane(true, INCARNATION)) {
      assertThat(lane.requests()).hasSize(HEADER + HEADER + BYTES);

      lane.feed(STATUS_OK);

      assertThat(lane.requests()).hasSize((WORKS - 1) * (HEADER + BYTES));
      for (int i = 0; i < WORKS; i++) {
        lane.feed(STATUS_OK);
      }
      assertThat(lane.requests()).as("nothing is asked once more").isEmpty();
      assertThat(works)
          .allSatisfy(work -> assertThat(work.ends).containsExactly(TransferState.COMPLETED));
      assertThat(lane.end()).isTrue();
    }
  }

  @Test
  void onlyThoseThatAnnounceVectorsAreTakenAtTheirWord() {
    try (FedLane lane = lane(false, INCARNATION)) {
      assertThat(lane.requests()).hasSize(HEADER + HEADER + BYTES);

      lane.feed(STATUS_OK);

      assertThat(lane.requests()).isEmpty();
      assertThat(lane.end()).isTrue();
    }
  }

  /** Its descriptor may be that of a process that is gone. */
  @Test
  void nothingFollowsBeforeTheProof() {
    try (FedLane lane = lane(true, OptionalLong.empty())) {
      assertThat(lane.requests()).hasSize(HEADER + BYTES);
      assertThat(lane.requests()).isEmpty();
      assertThat(lane.end()).isTrue();
    }
    works.clear();
    try (FedLane lane = lane(true, INCARNATION)) {
      assertThat(lane.requests()).hasSize(HEADER + HEADER + BYTES);
      byte[] another = ByteBuffer.allocate(16).put(status(2)).array();

      lane.feed(another);

      assertThat(lane.requests()).isEmpty();
      assertThat(lane.end()).isTrue();
      assertThat(works.stream().skip(1))
          .as("they look the peer up again, or fail with its end")
          .allSatisfy(work -> assertThat(work.ends).doesNotContain(TransferState.COMPLETED));
    }
  }
}
