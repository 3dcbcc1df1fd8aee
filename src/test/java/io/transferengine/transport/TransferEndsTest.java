// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.memory.UsedRanges;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.wire.BufferDescriptor;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What a transport learns of the memory at both ends of a request. */
@Timeout(60)
class TransferEndsTest {
  private static final MemoryKind HOST = MemoryKind.host();
  private static final MemoryKind FIRST = new MemoryKind.Device("cuda", 0);
  private static final MemoryKind SECOND = new MemoryKind.Device("cuda", 1);

  private final RegionTable table = new RegionTable();
  private final Region host = table.register(1000, 100, "cpu:0");
  private final Region first = table.register(1100, 100, "cuda:0");
  private final Region second = table.register(2000, 100, "cuda:1");

  private static BufferDescriptor buffer(String location, long address) {
    return new BufferDescriptor(location, address, 100, List.of(7L), List.of(7L));
  }

  private static final BufferDescriptor THERE = buffer("cpu:1", 5000);
  private static final BufferDescriptor DEVICE = buffer("cuda:1", 4000);

  /** What blocks lie in on both sides. */
  private record Ends(List<Region> ours, List<BufferDescriptor> peers) {
    TransferTask task(Operation operation, BlockColumns blocks) {
      UsedRanges<Region> used = ours.size() == 1 ? ours.getFirst() : new SeveralRegions(ours);
      return new TransferTask(operation, blocks, used, new PeerBuffers(peers), (_, _, _) -> {});
    }

    @Nullable BufferDescriptor forbidding(Operation operation, BlockColumns blocks) {
      return task(operation, blocks).forbidding();
    }
  }

  private static Ends ends(List<Region> regions, BufferDescriptor... buffers) {
    return new Ends(regions, List.of(buffers));
  }

  private static BlockColumns blocks(long... localAndRemote) {
    int count = localAndRemote.length / 2;
    long[] local = new long[count];
    long[] remote = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      local[i] = localAndRemote[2 * i];
      remote[i] = localAndRemote[2 * i + 1];
      lengths[i] = 10;
    }
    return BlockColumns.of(local, remote, lengths);
  }

  private static TransferTask task(Ends ends, BlockColumns blocks) {
    return ends.task(Operation.WRITE, blocks);
  }

  @Test
  void aBufferWhoseRightsDoNotAllowTheOperationIsFound() {
    BufferDescriptor read = buffer("cpu:1", 5100).withRights(AccessRights.READ_ONLY);
    BufferDescriptor write = buffer("cpu:1", 5200).withRights(AccessRights.WRITE_ONLY);
    Ends ends = ends(List.of(host), THERE, read, write);
    BlockColumns spanning = BlockColumns.of(1000, 5090, 20);
    assertThat(ends.forbidding(Operation.WRITE, blocks(1000, 5000, 1010, 5110))).isEqualTo(read);
    assertThat(ends.forbidding(Operation.READ, blocks(1000, 5000, 1010, 5110))).isNull();
    assertThat(ends.forbidding(Operation.READ, blocks(1000, 5200))).isEqualTo(write);
    assertThat(ends.forbidding(Operation.WRITE, blocks(1000, 5200, 1010, 5000))).isNull();
    assertThat(ends.forbidding(Operation.WRITE, spanning)).isEqualTo(read);
    assertThat(ends.forbidding(Operation.READ, BlockColumns.of(1000, 5050, 151))).isEqualTo(write);
    // What it has not published may be there by now: it is asked.
    assertThat(ends.forbidding(Operation.WRITE, blocks(1000, 9000, 1010, 5300))).isNull();
    assertThat(ends(List.of(host), THERE).forbidding(Operation.WRITE, spanning)).isNull();
  }

  @Test
  void aRequestIsAskedForItsMemoryOnBothSides() {
    List<Region> regions = new ArrayList<>();
    List<BufferDescriptor> buffers = new ArrayList<>();
    BlockColumns all =
        blocks(1000, 5000, 1090, 5090, 1100, 4000, 2090, 4090, 1190, 9000, 1050, 5010);
    TransferTask task = task(ends(List.of(host, first, second), THERE, DEVICE), all);
    int claimed =
        task.claim(
            (of, _, local, remote, _, _) -> {
              regions.add(of.region(local));
              buffers.add(of.buffer(remote).orElse(null));
            },
            10,
            Long.MAX_VALUE,
            Long.MAX_VALUE);
    assertThat(claimed).isEqualTo(6);
    assertThat(regions).containsExactly(host, host, first, second, first, host);
    assertThat(buffers).containsExactly(THERE, THERE, DEVICE, DEVICE, null, THERE);
    assertThatThrownBy(() -> task.region(1200)).hasMessageContaining("0x4b0");
  }

  @Test
  void thePairsAreThoseOfTheBlocks() {
    Ends mixed = ends(List.of(host, first, second), THERE, DEVICE);
    assertThat(task(mixed, blocks(1000, 5000, 1010, 5020)).pairs().pairs())
        .containsExactly(new MemoryPairs.Pair(HOST, HOST));
    assertThat(task(mixed, blocks(1000, 4000, 1100, 5000, 2000, 5000, 1110, 5050)).pairs().pairs())
        .containsExactlyInAnyOrder(
            new MemoryPairs.Pair(HOST, SECOND),
            new MemoryPairs.Pair(FIRST, HOST),
            new MemoryPairs.Pair(SECOND, HOST));
  }

  @Test
  void whatThePeerHasNotPublishedCountsAsHostMemory() {
    Ends ends = ends(List.of(host), DEVICE);
    assertThat(task(ends, blocks(1000, 5000)).pairs()).isEqualTo(MemoryPairs.hostOnly());
    assertThat(task(ends(List.of(host)), blocks(1000, 4000)).pairs())
        .isEqualTo(MemoryPairs.hostOnly());
  }

  /** For TCP the name of a buffer is that of its server, which may read like a device. */
  @Test
  void aBufferWithoutKeysIsHostMemoryWhateverItsName() {
    Ends ends = ends(List.of(host), new BufferDescriptor("cuda:1", 4000, 100));
    assertThat(task(ends, blocks(1000, 4000)).pairs()).isEqualTo(MemoryPairs.hostOnly());
  }

  @Test
  void onePairThatIsNotMovedIsEnough() {
    TransferTask task = task(ends(List.of(host, first), THERE), blocks(1000, 5000, 1100, 5010));
    assertThat(task.pairs().notMoved((_, _) -> true)).isEmpty();
    assertThat(task.pairs().notMoved((local, peer) -> local.isHost() && peer.isHost()))
        .contains(new MemoryPairs.Pair(FIRST, HOST));
  }

  @Test
  void eachBlockHasTheFirstTransportThatMovesIt() {
    Ends mixed = ends(List.of(host, first, second), THERE, DEVICE);
    BlockColumns all = blocks(1000, 5000, 1100, 5000, 1010, 4000, 2000, 4000, 1020, 9000);
    assertThat(
            task(mixed, all)
                .firstThatMoves(
                    List.of(
                        (local, peer) -> local.isHost() && peer.isHost(),
                        (local, _) -> local.equals(FIRST),
                        (_, peer) -> peer.isHost(),
                        (local, _) -> local.isHost())))
        .containsExactly(0, 1, 3, -1, 0);
  }
}
