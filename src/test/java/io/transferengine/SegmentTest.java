// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.BlockLayout;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.BufferDescriptor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What an opened segment offers, and what objects say of themselves. */
@Timeout(60)
class SegmentTest {
  private static final int LENGTH = 64 << 10;
  private static final TestEngine here = new TestEngine(LENGTH);
  private static final TestEngine there = new TestEngine(LENGTH);

  @AfterAll
  static void close() {
    here.close();
    there.close();
  }

  private static void assertMoved(Transfer transfer, byte[] expected) {
    TestEngine.assertCompleted(transfer);
    assertThat(transfer.transferredBytes()).isEqualTo(expected.length);
  }

  @Test
  void itTakesTransfersItself() {
    Segment peer = here.engine.openSegment(there.engine.segmentName());
    byte[] bytes = TestEngine.random(1, LENGTH);
    here.put(0, bytes);
    long remote = peer.buffers().getFirst().address();
    assertMoved(peer.write(here.memory, remote), bytes);
    assertThat(there.bytes(0, LENGTH)).isEqualTo(bytes);

    byte[] others = TestEngine.random(2, LENGTH);
    there.put(0, others);
    assertMoved(peer.read(here.memory, remote), others);
    assertThat(here.bytes(0, LENGTH)).isEqualTo(others);

    ByteBuffer buffer = here.memory.asByteBuffer();
    there.put(0, bytes);
    assertMoved(peer.read(buffer, remote), bytes);
    assertThat(here.bytes(0, LENGTH)).isEqualTo(bytes);
    here.put(0, others);
    assertMoved(peer.write(buffer, remote), others);
    assertThat(there.bytes(0, LENGTH)).isEqualTo(others);
  }

  @Test
  void itTakesBlocksAndGivesRequests() {
    Segment peer = here.engine.openSegment(there.engine.segmentName());
    BlockColumns blocks = BlockColumns.of(here.address(), there.address(), 4096);
    TestEngine.assertCompleted(peer.submit(Operation.WRITE, blocks));
    var request = peer.request(Operation.READ, blocks).withTimeout(Duration.ofSeconds(20));
    assertThat(request.target()).isEqualTo(peer.name());
    TestEngine.assertCompleted(here.engine.submit(request));
  }

  @Test
  void itSaysWhatReachesIt() {
    Segment peer = here.engine.openSegment(there.engine.segmentName());
    assertThat(peer.transports()).containsExactly("tcp");
    assertThat(peer).hasToString("Segment " + peer.name() + " over tcp, 1 buffers");
  }

  @Test
  void theLocationOfABufferIsKnownOverRdma() {
    BufferDescriptor wire = new BufferDescriptor("cpu:1", 4096, 8192, List.of(1L), List.of(1L));
    assertThat(new Segment.Buffer(wire, "rdma").location()).isEqualTo("cpu:1");
    assertThat(new Segment.Buffer(wire, "tcp").location()).isEqualTo("*");
    assertThat(new Segment.Buffer(wire, "rdma"))
        .hasToString("Buffer of 8192 bytes at 0x1000, location cpu:1")
        .isEqualTo(new Segment.Buffer(wire, "rdma"))
        .hasSameHashCodeAs(new Segment.Buffer(wire, "rdma"))
        .isNotEqualTo(new Segment.Buffer(wire, "tcp"));
  }

  @Test
  void memoryIsRegisteredWithItsLocation() {
    MemorySegment more = here.arena.allocate(4096, 4096);
    try (Registration registration = here.engine.register(more, "cpu:0")) {
      assertThat(registration)
          .hasToString("Registration of 4096 bytes at 0x%x".formatted(more.address()));
      assertThat(here.engine.core().memory().regions().inOrder())
          .anySatisfy(
              region -> {
                assertThat(region.address()).isEqualTo(more.address());
                assertThat(region.location()).isEqualTo("cpu:0");
              });
    }
    assertThatThrownBy(() -> here.engine.register(more, "cuda:0"))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("cuda:0");
  }

  @Test
  void objectsSayWhatTheyAre() {
    assertThat(here.engine).hasToString("Engine " + here.engine.segmentName() + ", tcp");
    try (TestEngine closed = new TestEngine(4096)) {
      closed.engine.close();
      assertThat(closed.engine).hasToString("Engine " + closed.engine.segmentName() + ", closed");
    }
    Allocation allocation = here.engine.allocate(1000);
    String text = "Allocation of 1000 bytes at 0x%x".formatted(allocation.address());
    assertThat(allocation).hasToString(text);
    allocation.close();
    assertThat(allocation).hasToString(text + ", closed");

    BlockColumns blocks = BlockColumns.of(here.address(), there.address(), 4096);
    assertThat(blocks).hasToString("1 blocks, 4096 bytes");
    BlockLayout layout = new BlockLayout(0x10000, 8192, 4096, new int[] {0, 2});
    assertThat(layout).hasToString("2 blocks of 4096 bytes, 8192 bytes apart from 0x10000");
    assertThat(BlockColumns.paged(layout, layout)).hasToString("2 blocks, 8192 bytes");

    Transfer transfer = here.submit(Operation.WRITE, there.engine.segmentName(), blocks);
    TestEngine.assertCompleted(transfer);
    assertThat(transfer)
        .hasToString(
            "Transfer[WRITE 1 blocks, 4096 bytes, target %s, COMPLETED, 4096 bytes moved]"
                .formatted(there.engine.segmentName()));
  }
}
