// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.FailureCause;
import io.transferengine.testkit.AllocatedBytes;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Requests that lie in several ranges of ours and in one at the peer. */
@Timeout(60)
class ScatteredRequestsTest {
  private static final long LOCAL = 0x10_0000;
  private static final long REMOTE = 0x7f00_0000_0000L;
  private static final long SPACE = 1 << 20;

  @SuppressWarnings("StaticAssignmentOfThrowable") // only ever looked at
  private static final TransferException WHY =
      new TransferException(ErrorCode.SOCKET, "test", "none");

  private record Claimed(
      int block, long local, long remote, long length, boolean unmerged, boolean scattered) {}

  /** Takes requests of so many ranges, of which none crosses a multiple of {@code seam}. */
  private static final class Sink implements RequestSink<TransferTask>, TransferWork.Listener {
    final ArrayDeque<Claimed> claimed = new ArrayDeque<>();
    final List<TransferState> ends = new ArrayList<>();
    private final int rangesMax;
    private final long seam;

    Sink(int rangesMax) {
      this(rangesMax, SPACE);
    }

    Sink(int rangesMax, long seam) {
      this.rangesMax = rangesMax;
      this.seam = seam;
    }

    @Override
    public int rangesMax(TransferTask task) {
      return rangesMax;
    }

    @Override
    public long rangeLimit(TransferTask task, long local) {
      assertThat(rangesMax).as("asked only who takes several").isGreaterThan(1);
      return seam - (local - LOCAL) % seam;
    }

    @Override
    public long lengthLimit(TransferTask task, long local, long remote, long wanted) {
      return rangesMax == 1 ? seam - (local - LOCAL) % seam : Long.MAX_VALUE;
    }

    @Override
    public void request(
        TransferTask task, int block, long local, long remote, long length, boolean unmerged) {
      claimed.add(new Claimed(block, local, remote, length, unmerged, false));
    }

    @Override
    public void scattered(TransferTask task, int block, long local, long remote, long length) {
      claimed.add(new Claimed(block, local, remote, length, false, true));
    }

    @Override
    public void taskEnded(
        TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
      ends.add(state);
    }
  }

  private static SeamFinder ranges(long... starts) {
    long[] from = new long[starts.length - 1];
    long[] to = new long[starts.length - 1];
    for (int i = 0; i < from.length; i++) {
      from[i] = starts[i];
      to[i] = starts[i + 1];
    }
    return new SeamFinder(from, to);
  }

  private static SeamFinder whole(long start) {
    return ranges(start, start + SPACE);
  }

  /** Blocks of 100 bytes, at these hundreds of bytes here and there. */
  private static BlockColumns blocks(long[] here, long[] there) {
    long[] local = new long[here.length];
    long[] remote = new long[here.length];
    long[] length = new long[here.length];
    for (int i = 0; i < here.length; i++) {
      local[i] = LOCAL + 100 * here[i];
      remote[i] = REMOTE + 100 * there[i];
      length[i] = 100;
    }
    return BlockColumns.of(local, remote, length);
  }

  private static TransferTask task(BlockColumns blocks, Sink sink) {
    return task(blocks, whole(LOCAL), whole(REMOTE), sink);
  }

  private static TransferTask task(
      BlockColumns blocks, SeamFinder local, SeamFinder remote, Sink sink) {
    return new TransferTask(Operation.WRITE, blocks, local, remote, sink);
  }

  private static void claimAll(TransferTask task, Sink sink, long maxBytes) {
    int _ = task.claim(sink, Integer.MAX_VALUE, Long.MAX_VALUE, maxBytes);
    assertThat(task.hasWork()).isFalse();
  }

  private static Claimed scattered(int block, long here, long there, long length) {
    return new Claimed(block, LOCAL + here, REMOTE + there, length, false, true);
  }

  @Test
  void blocksThatJoinAtThePeerOnlyShareARequest() {
    Sink sink = new Sink(4);
    BlockColumns batch =
        blocks(new long[] {0, 9, 10, 4, 7, 2, 30}, new long[] {0, 1, 2, 3, 4, 5, 7});
    claimAll(task(batch, sink), sink, SPACE);
    assertThat(sink.claimed)
        .containsExactly(
            scattered(0, 0, 0, 500), // 9 and 10 join here, too, and are one range
            new Claimed(5, LOCAL + 200, REMOTE + 500, 100, true, false),
            new Claimed(6, LOCAL + 3000, REMOTE + 700, 100, true, false));
  }

  @Test
  void whoTakesOneRangeGetsThemAsBefore() {
    Sink sink = new Sink(1);
    claimAll(task(blocks(new long[] {0, 9, 10}, new long[] {0, 1, 2}), sink), sink, SPACE);
    assertThat(sink.claimed)
        .containsExactly(
            new Claimed(0, LOCAL, REMOTE, 100, true, false),
            new Claimed(1, LOCAL + 900, REMOTE + 100, 200, false, false));
  }

  @Test
  void whatJoinsHereOnlyIsNotMerged() {
    Sink sink = new Sink(4);
    claimAll(task(blocks(new long[] {0, 1, 2}, new long[] {0, 9, 4}), sink), sink, SPACE);
    assertThat(sink.claimed).hasSize(3).allMatch(Claimed::unmerged);
  }

  @Test
  void theEndOfAPeersBufferEndsARequest() {
    Sink sink = new Sink(4);
    TransferTask task =
        task(
            blocks(new long[] {0, 9, 4, 7}, new long[] {0, 1, 2, 3}),
            whole(LOCAL),
            ranges(REMOTE, REMOTE + 200, REMOTE + SPACE),
            sink);
    claimAll(task, sink, SPACE);
    assertThat(sink.claimed).containsExactly(scattered(0, 0, 0, 200), scattered(2, 400, 200, 200));
  }

  @Test
  void theEndOfARegistrationOfOursEndsARange() {
    Sink three = new Sink(3);
    BlockColumns joined = blocks(new long[] {0, 1, 2, 3}, new long[] {0, 1, 2, 3});
    SeamFinder ours = ranges(LOCAL, LOCAL + 100, LOCAL + 300, LOCAL + SPACE);
    claimAll(task(joined, ours, whole(REMOTE), three), three, SPACE);
    assertThat(three.claimed).containsExactly(scattered(0, 0, 0, 400));

    Sink two = new Sink(2);
    claimAll(task(joined, ours, whole(REMOTE), two), two, SPACE);
    assertThat(two.claimed)
        .containsExactly(
            scattered(0, 0, 0, 300), new Claimed(3, LOCAL + 300, REMOTE + 300, 100, true, false));
  }

  @Test
  void aSeamThatOnlyTheSinkKnowsEndsARange() {
    Sink sink = new Sink(2, 100);
    claimAll(task(blocks(new long[] {0, 1, 2}, new long[] {0, 1, 2}), sink), sink, SPACE);
    assertThat(sink.claimed)
        .containsExactly(
            scattered(0, 0, 0, 200), new Claimed(2, LOCAL + 200, REMOTE + 200, 100, true, false));
  }

  @Test
  void aRequestHasNoMoreBytesThanItMay() {
    Sink sink = new Sink(9);
    TransferTask task = task(blocks(new long[] {0, 9, 4, 7}, new long[] {0, 1, 2, 3}), sink);
    claimAll(task, sink, 250);
    assertThat(sink.claimed).containsExactly(scattered(0, 0, 0, 250), scattered(2, 450, 250, 150));
    // It begins within a block, in another place than the block before it ends.
    Claimed last = sink.claimed.getLast();
    task.giveBack(last.block, last.local, last.length);
    sink.claimed.clear();
    claimAll(task, sink, 60);
    assertThat(sink.claimed)
        .containsExactly(
            scattered(2, 450, 250, 60),
            new Claimed(3, LOCAL + 710, REMOTE + 310, 60, true, false),
            new Claimed(3, LOCAL + 770, REMOTE + 370, 30, true, false));
  }

  @Test
  void whoTakesOneRangeGoesOnWithWhatWasOfSeveral() {
    Sink four = new Sink(4);
    TransferTask task = task(blocks(new long[] {0, 9, 10, 4}, new long[] {0, 1, 2, 3}), four);
    claimAll(task, four, SPACE);
    Claimed all = four.claimed.removeFirst();
    task.giveBack(all.block, all.local, all.length);
    Sink one = new Sink(1);
    claimAll(task, one, SPACE);
    assertThat(one.claimed)
        .containsExactly(
            new Claimed(0, LOCAL, REMOTE, 100, true, false),
            new Claimed(1, LOCAL + 900, REMOTE + 100, 200, false, false),
            new Claimed(3, LOCAL + 400, REMOTE + 300, 100, true, false));
  }

  @Test
  void aRefusedOneComesBackAsItsBlocks() {
    Sink sink = new Sink(4);
    TransferTask task = task(blocks(new long[] {0, 9, 4, 7}, new long[] {0, 1, 2, 3}), sink);
    claimAll(task, sink, 350);
    assertThat(sink.claimed).hasSize(2).startsWith(scattered(0, 0, 0, 350));
    Claimed refused = sink.claimed.removeFirst();
    assertThat(task.rejected(refused.block, refused.local, refused.length, false, WHY)).isTrue();
    sink.claimed.clear();
    claimAll(task, sink, SPACE);
    assertThat(sink.claimed)
        .containsExactly(
            new Claimed(0, LOCAL, REMOTE, 100, true, false),
            new Claimed(1, LOCAL + 900, REMOTE + 100, 100, true, false),
            new Claimed(2, LOCAL + 400, REMOTE + 200, 100, true, false),
            new Claimed(3, LOCAL + 700, REMOTE + 300, 50, true, false));
  }

  @Test
  void aSinkThatThrowsHasChangedNothing() {
    Sink sink = new Sink(4);
    TransferTask task = task(blocks(new long[] {0, 9, 4, 7}, new long[] {0, 1, 2, 3}), sink);
    String before = task.describe();
    RequestSink<TransferTask> broken =
        new RequestSink<>() {
          @Override
          public int rangesMax(TransferTask of) {
            return 2;
          }

          @Override
          public void request(TransferTask of, int b, long l, long r, long n, boolean u) {
            throw new AssertionError("not scattered");
          }
        };
    assertThatThrownBy(() -> task.claim(broken, 9, SPACE, SPACE))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThat(task.describe()).isEqualTo(before);
    claimAll(task, sink, SPACE);
    Claimed all = sink.claimed.removeFirst();
    task.giveBack(all.block, all.local, all.length);
    String returned = task.describe();
    assertThatThrownBy(() -> task.claim(broken, 9, SPACE, SPACE))
        .isInstanceOf(UnsupportedOperationException.class);
    assertThat(task.describe()).isEqualTo(returned);
  }

  /** Counts, and makes nothing. */
  private static final class Counting implements RequestSink<TransferTask> {
    private int scattered;

    @Override
    public int rangesMax(TransferTask task) {
      return 4;
    }

    @Override
    public void request(TransferTask task, int b, long local, long remote, long n, boolean one) {
      throw new AssertionError("each is of four");
    }

    @Override
    public void scattered(TransferTask task, int block, long local, long remote, long length) {
      scattered++;
    }
  }

  @Test
  void nothingIsMadeForABlock() {
    int count = 1 << 16;
    long[] here = new long[count];
    long[] there = new long[count];
    for (int i = 0; i < count; i++) {
      here[i] = 2L * i;
      there[i] = i;
    }
    BlockColumns batch = blocks(here, there);
    SeamFinder far = ranges(0, Long.MAX_VALUE);
    for (int round = 0; round < 2; round++) {
      TransferTask task = task(batch, far, far, new Sink(4));
      Counting sink = new Counting();
      long before = AllocatedBytes.ofThisThread();
      int _ = task.claim(sink, Integer.MAX_VALUE, Long.MAX_VALUE, SPACE);
      long allocated = AllocatedBytes.ofThisThread() - before;
      assertThat(sink.scattered).isEqualTo(count / 4);
      // Asking for the figure allocates itself, and more in the first round.
      assertThat(allocated).as("bytes").isLessThan(round == 0 ? Long.MAX_VALUE : count / 4);
    }
  }

  /**
   * Whatever is claimed by whom, comes back and is refused: each byte arrives once, where it is to.
   */
  @Test
  void everyByteArrivesOnceWhereItIsTo() {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("ScatteredRequestsTest: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    int scattered = 0;
    for (int round = 0; round < 400; round++) {
      scattered += new Batch(random).run();
    }
    assertThat(scattered).as("requests of several ranges").isGreaterThan(1000);
  }

  /** A batch in an address space that is small enough to note what becomes of each byte. */
  private static final class Batch {
    private final Random random;
    private final BlockColumns blocks;
    private final SeamFinder ours;
    private final SeamFinder theirs;
    private final long[] from = new long[1 << 14]; // of a byte at the peer: where it is here
    private final boolean[] arrived = new boolean[1 << 14];

    Batch(Random random) {
      this.random = random;
      int count = 1 + random.nextInt(60);
      long[] local = new long[count];
      long[] remote = new long[count];
      long[] length = new long[count];
      long here = LOCAL;
      long there = REMOTE;
      List<Long> registrations = new ArrayList<>(List.of(LOCAL));
      List<Long> buffers = new ArrayList<>(List.of(REMOTE));
      for (int i = 0; i < count; i++) {
        if (random.nextInt(3) > 0) {
          here += random.nextInt(50);
        }
        if (random.nextInt(8) == 0) {
          registrations.add(here += 1 + random.nextInt(2));
        }
        if (random.nextInt(10) == 0) {
          there += random.nextInt(20);
        }
        if (random.nextInt(10) == 0 && there > buffers.getLast()) {
          buffers.add(there);
        }
        local[i] = here;
        remote[i] = there;
        length[i] = 1L + random.nextInt(120);
        here += length[i];
        there += length[i];
      }
      registrations.add(here + 1);
      buffers.add(there + 1);
      ours = ranges(registrations.stream().distinct().mapToLong(Long::longValue).toArray());
      theirs = ranges(buffers.stream().mapToLong(Long::longValue).toArray());
      // Not in the order in which they lie here.
      for (int i = count - 1; i > 0; i--) {
        int other = random.nextInt(4) == 0 ? random.nextInt(i + 1) : i;
        if (length[i] == length[other]) {
          long kept = local[i];
          local[i] = local[other];
          local[other] = kept;
        }
      }
      blocks = BlockColumns.of(local, remote, length);
      for (int i = 0; i < count; i++) {
        for (long b = 0; b < length[i]; b++) {
          from[(int) (remote[i] - REMOTE + b)] = local[i] + b;
        }
      }
    }

    int run() {
      Sink listener = new Sink(1);
      TransferTask task = task(blocks, ours, theirs, listener);
      int scattered = 0;
      for (int step = 0; !listener.ends.contains(TransferState.COMPLETED); step++) {
        assertThat(step).as("steps").isLessThan(100_000);
        Sink sink =
            new Sink(
                1 + random.nextInt(6), random.nextBoolean() ? SPACE : 40L + random.nextInt(300));
        long most = 1L + random.nextInt(600);
        int _ = task.claim(sink, 1 + random.nextInt(5), Long.MAX_VALUE, most);
        List<Claimed> requests = new ArrayList<>(sink.claimed);
        for (Claimed each : requests) {
          check(each, sink, most);
          scattered += each.scattered ? 1 : 0;
        }
        for (Claimed each : requests.reversed()) {
          int fate = random.nextInt(10);
          if (fate < 3) {
            task.giveBack(each.block, each.local, each.length);
          } else if (fate == 3 && !each.unmerged && spansBlocks(each) && random.nextInt(9) == 0) {
            assertThat(task.rejected(each.block, each.local, each.length, false, WHY)).isTrue();
          } else {
            arrive(each);
            task.completed(1, each.length);
          }
        }
      }
      for (int i = 0; i < blocks.count(); i++) {
        for (int b = 0; b < blocks.length(i); b++) {
          assertThat(arrived[(int) (blocks.remote(i) - REMOTE) + b]).isTrue();
        }
      }
      return scattered;
    }

    private boolean spansBlocks(Claimed request) {
      return request.local + request.length
              > blocks.local(request.block) + blocks.length(request.block)
          || request.scattered;
    }

    private void arrive(Claimed request) {
      for (long b = 0; b < request.length; b++) {
        int at = (int) (request.remote - REMOTE + b);
        assertThat(arrived[at]).as("sent twice").isFalse();
        arrived[at] = true;
        if (!request.scattered) {
          assertThat(from[at]).isEqualTo(request.local + b);
        }
      }
    }

    /** Its ranges, found another way than they are made: byte by byte. */
    private void check(Claimed request, Sink sink, long most) {
      assertThat(request.length).isBetween(1L, most);
      int first = (int) (request.remote - REMOTE);
      assertThat(from[first]).isEqualTo(request.local);
      assertThat(request.local)
          .isBetween(
              blocks.local(request.block),
              blocks.local(request.block) + blocks.length(request.block) - 1);
      int ranges = 1;
      for (int at = first + 1; at < first + request.length; at++) {
        assertThat(theirs.endOfRange(REMOTE + (at - 1))).isEqualTo(theirs.endOfRange(REMOTE + at));
        boolean joins = from[at] == from[at - 1] + 1;
        boolean crosses =
            ours.endOfRange(from[at]) != ours.endOfRange(from[at - 1])
                || (from[at] - LOCAL) / sink.seam != (from[at - 1] - LOCAL) / sink.seam;
        ranges += joins && !crosses ? 0 : 1;
      }
      assertThat(ranges).as("%s", request).isLessThanOrEqualTo(sink.rangesMax);
      assertThat(request.scattered).isEqualTo(ranges > 1);
      if (request.unmerged) {
        assertThat(request.local + request.length)
            .isLessThanOrEqualTo(blocks.local(request.block) + blocks.length(request.block));
      }
    }
  }
}
