// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Registration;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Blocks that are scattered over two registrations here and join at the peer: one request has
 * several ranges of ours. Each is compared byte by byte, with what lies between the blocks.
 */
@Tag("rdma")
@Timeout(120)
class RdmaRangesTest {
  private static final long LENGTH = 16 << 20;
  private static final int RANGES = 4;

  private static final long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  private static final Random random = new Random(seed);
  private static final RdmaPair pair = new RdmaPair(LENGTH, Map.of());
  private static final Mapped second = Mapped.of(LENGTH);
  private static final Registration registration = pair.engine.register(second.segment());

  @BeforeAll
  static void tellSeed() {
    System.out.println("RdmaRangesTest: replay with -Dseed=" + seed);
  }

  @AfterAll
  static void close() {
    registration.close();
    pair.close();
    second.close();
  }

  /** A block in one of our two registrations; at the peer they lie in their order. */
  private record Block(MemorySegment memory, long offset, long length) {
    MemorySegment segment() {
      return memory.asSlice(offset, length);
    }
  }

  private static BlockColumns columns(List<Block> blocks) {
    long[] remote = new long[blocks.size()];
    long at = pair.remote();
    for (int i = 0; i < remote.length; i++) {
      remote[i] = at;
      at += blocks.get(i).length;
    }
    return BlockColumns.of(
        blocks.stream().mapToLong(each -> each.memory.address() + each.offset).toArray(),
        remote,
        blocks.stream().mapToLong(Block::length).toArray());
  }

  /** {@return how many requests it took} */
  private static long run(Operation operation, List<Block> blocks) {
    long before = pair.engine.metrics().get(Counter.REQUESTS_SENT);
    RdmaPair.assertCompleted(
        pair.engine.submit(TransferRequest.of(operation, pair.peer().name(), columns(blocks))));
    return pair.engine.metrics().get(Counter.REQUESTS_SENT) - before;
  }

  /** {@return how many requests the write and the read took in all} */
  private static long writeAndRead(List<Block> blocks) {
    long bytes = blocks.stream().mapToLong(Block::length).sum();
    long key = random.nextLong();
    long at = 0;
    for (Block each : blocks) {
      Pattern.fill(each.segment(), key, at);
      at += each.length;
    }
    pair.peer().fill(pair.remote() + bytes, 100, key + 1);
    long requests = run(Operation.WRITE, blocks);
    assertThat(pair.peer().mismatch(pair.remote(), bytes, key)).as("written").isEqualTo(-1);
    assertThat(pair.peer().mismatch(pair.remote() + bytes, 100, key + 1))
        .as("behind")
        .isEqualTo(-1);

    pair.peer().fill(pair.remote(), bytes, key + 2);
    List<MemorySegment> ours = List.of(pair.mine.segment(), second.segment());
    ours.forEach(memory -> Pattern.fill(memory, key + 3, 0));
    requests += run(Operation.READ, blocks);
    at = 0;
    for (Block each : blocks) {
      assertThat(Pattern.firstMismatch(each.segment(), key + 2, at))
          .as("read %s", each)
          .isEqualTo(-1);
      at += each.length;
      // So that what is left is what was never to be touched.
      Pattern.fill(each.segment(), key + 3, each.offset);
    }
    ours.forEach(
        memory ->
            assertThat(Pattern.firstMismatch(memory, key + 3, 0)).as("between").isEqualTo(-1));
    pair.assertOverRdmaOnly();
    return requests;
  }

  @Test
  void pagesScatteredHereAndJoinedThere() {
    int pages = 128;
    int page = 4096;
    List<Integer> order = new ArrayList<>(IntStream.range(0, pages).boxed().toList());
    Collections.shuffle(order, random);
    List<Block> blocks =
        order.stream()
            .map(
                place ->
                    new Block(
                        (place % 2 == 0 ? pair.mine : second).segment(), 2L * place * page, page))
            .toList();
    assertThat(writeAndRead(blocks)).isEqualTo(2L * pages / RANGES);
  }

  @Test
  void blocksOfAnyLengthHere() {
    for (int round = 0; round < 10; round++) {
      List<Block> blocks = new ArrayList<>();
      long longest = 1L << random.nextInt(1, 20);
      long[] next = new long[2];
      long all = 0;
      while (blocks.size() < 300) {
        int in = random.nextInt(2);
        long length = 1 + random.nextLong(longest);
        long offset = next[in] + (random.nextInt(3) == 0 ? 0 : random.nextLong(longest));
        if (offset + length > LENGTH || all + length > LENGTH - 100) {
          break;
        }
        blocks.add(new Block((in == 0 ? pair.mine : second).segment(), offset, length));
        next[in] = offset + length;
        all += length;
      }
      long requests = writeAndRead(blocks);
      if (longest <= 1 << 12) {
        assertThat(requests).as("for %d blocks", blocks.size()).isLessThan(2L * blocks.size() / 3);
      }
    }
  }
}
