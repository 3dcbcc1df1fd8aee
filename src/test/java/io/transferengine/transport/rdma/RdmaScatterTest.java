// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.WorkCompletionStatus;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Blocks that are scattered here and join at the peer, over simulated devices. */
@Timeout(120)
class RdmaScatterTest extends SimulatedPair {
  private static final int PAGE = 4096;
  private static final int PAGES = 128;
  private static final long BYTES = 2L * PAGES * PAGE;

  private void fill(MemorySegment memory) {
    for (long i = 0; i < memory.byteSize(); i++) {
      memory.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
  }

  /** Every other page of ours, in a random order, and one range of the peer's. */
  private BlockColumns pages(MemorySegment here, MemorySegment there) {
    List<Integer> order = new ArrayList<>(IntStream.range(0, PAGES).boxed().toList());
    Collections.shuffle(order, random);
    long[] local = new long[PAGES];
    long[] remote = new long[PAGES];
    long[] length = new long[PAGES];
    for (int i = 0; i < PAGES; i++) {
      local[i] = here.address() + 2L * order.get(i) * PAGE;
      remote[i] = there.address() + (long) i * PAGE;
      length[i] = PAGE;
    }
    return BlockColumns.of(local, remote, length);
  }

  /** What the destination has to be afterwards, as one block after the other makes it. */
  private static byte[] moved(
      Operation operation, BlockColumns blocks, MemorySegment here, MemorySegment there) {
    boolean write = operation == Operation.WRITE;
    MemorySegment result =
        MemorySegment.ofArray((write ? there : here).toArray(ValueLayout.JAVA_BYTE));
    for (int i = 0; i < blocks.count(); i++) {
      long h = blocks.local(i) - here.address();
      long t = blocks.remote(i) - there.address();
      MemorySegment from = write ? here.asSlice(h) : there.asSlice(t);
      MemorySegment.copy(from, 0, result, write ? t : h, blocks.length(i));
    }
    return result.toArray(ValueLayout.JAVA_BYTE);
  }

  private static void assertCompleted(Started started) throws Exception {
    End end = started.await();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(TransferState.COMPLETED);
  }

  /** {@return how many requests it took} All of both sides is compared. */
  private static long move(
      Operation operation,
      SimulatedEngine a,
      SimulatedEngine b,
      BlockColumns blocks,
      MemorySegment here,
      MemorySegment there)
      throws Exception {
    byte[] expected = moved(operation, blocks, here, there);
    boolean write = operation == Operation.WRITE;
    byte[] source = (write ? here : there).toArray(ValueLayout.JAVA_BYTE);
    long before = sent(a);
    assertCompleted(a.submit(operation, b.address(), blocks));
    MemorySegment destination = write ? there : here;
    assertThat(destination.mismatch(MemorySegment.ofArray(expected))).isEqualTo(-1);
    assertThat((write ? here : there).mismatch(MemorySegment.ofArray(source))).isEqualTo(-1);
    return sent(a) - before;
  }

  private static long sent(SimulatedEngine engine) {
    return engine.metrics().snapshot().counters().getOrDefault(Counter.REQUESTS_SENT, 0L);
  }

  private MemorySegment filled(SimulatedEngine engine) {
    MemorySegment memory = engine.register(BYTES);
    fill(memory);
    return memory;
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void fourPagesGoInOneRequest(Operation operation) throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertThat(move(operation, a, b, pages(here, there), here, there)).isEqualTo(PAGES / 4);
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void asManyAsIsAskedForAndTheSliceHolds(Operation operation) throws Exception {
    SimulatedEngine a = open(left, Map.of("MC_MAX_SGE", "30"), "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    // 64 KiB, and the tail of a quarter: of the last 128 KiB the first 64 KiB go alone.
    long requests = move(operation, a, b, pages(here, there), here, there);
    assertThat(requests).isBetween(PAGES / 20L, PAGES / 16L);
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void oneWhereTheOptionSaysSo(Operation operation) throws Exception {
    SimulatedEngine a = open(left, Map.of("MC_MAX_SGE", "1"), "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertThat(move(operation, a, b, pages(here, there), here, there)).isEqualTo(PAGES);
  }

  @Test
  void noMoreThanTheDeviceTakes() throws Exception {
    left.device("sim0").limitElements(3, 2);
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    BlockColumns blocks = pages(here, there);
    assertThat(move(Operation.WRITE, a, b, blocks, here, there)).isEqualTo((PAGES + 2) / 3);
    assertThat(move(Operation.READ, a, b, blocks, here, there)).isEqualTo(PAGES / 2);
  }

  @Test
  void aDeviceThatDoesNotSayHowManyRangesAReadMayHaveGetsOne() throws Exception {
    left.device("sim0").limitElements(4, 0);
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    assertThat(move(Operation.READ, a, b, pages(here, there), here, there)).isEqualTo(PAGES);
  }

  /** The other way round nothing can be merged: a request has one range at the peer. */
  @Test
  void joinedHereAndScatteredThereIsAsItWas() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    BlockColumns mirrored = pages(there, here);
    long[] local = new long[PAGES];
    long[] remote = new long[PAGES];
    long[] length = new long[PAGES];
    for (int i = 0; i < PAGES; i++) {
      local[i] = mirrored.remote(i);
      remote[i] = mirrored.local(i);
      length[i] = PAGE;
    }
    BlockColumns blocks = BlockColumns.of(local, remote, length);
    assertThat(move(Operation.WRITE, a, b, blocks, here, there)).isEqualTo(PAGES);
  }

  /** Registrations of any lengths side by side, and cut once more where a device takes less. */
  private static List<Region> registerInParts(
      SimulatedEngine engine, MemorySegment memory, Random random) {
    List<Region> parts = new ArrayList<>();
    for (long at = 0; at < memory.byteSize(); ) {
      long length = Math.min(memory.byteSize() - at, 1 + random.nextInt(1 << 19));
      parts.add(engine.registerAt(memory.asSlice(at, length)));
      at += length;
    }
    return parts;
  }

  /** Blocks of 1 B to 1 MiB, in none, one or several rows that join, here and there. */
  private BlockColumns batch(
      List<Region> ours, MemorySegment here, List<Region> theirs, MemorySegment there) {
    List<long[]> blocks = new ArrayList<>();
    long largest = 1L << random.nextInt(21);
    long remote = random.nextInt(100);
    long end = 0;
    while (blocks.size() < 400) {
      if (random.nextInt(20) == 0) {
        remote += random.nextInt(5000);
      }
      long length = 1 + random.nextLong(largest);
      // Each destination once: in a read those are ours, which never overlap as they only go up.
      long local = random.nextInt(3) == 0 ? end : end + random.nextLong(largest + 1);
      length = Math.min(length, endOf(ours, here.address() + local) - here.address() - local);
      length = Math.min(length, endOf(theirs, there.address() + remote) - there.address() - remote);
      if (length <= 0) {
        break;
      }
      blocks.add(new long[] {here.address() + local, there.address() + remote, length});
      end = local + length;
      remote += length;
    }
    return shuffledHere(blocks);
  }

  /** Blocks of one length change their places here, so that these do not only go up. */
  private BlockColumns shuffledHere(List<long[]> blocks) {
    for (int i = 1; i < blocks.size(); i++) {
      int other = random.nextInt(i);
      if (blocks.get(i)[2] == blocks.get(other)[2]) {
        long kept = blocks.get(i)[0];
        blocks.get(i)[0] = blocks.get(other)[0];
        blocks.get(other)[0] = kept;
      }
    }
    return BlockColumns.of(
        blocks.stream().mapToLong(each -> each[0]).toArray(),
        blocks.stream().mapToLong(each -> each[1]).toArray(),
        blocks.stream().mapToLong(each -> each[2]).toArray());
  }

  private static long endOf(List<Region> regions, long address) {
    return regions.stream()
        .filter(region -> region.covers(address, 1))
        .mapToLong(Region::end)
        .findFirst()
        .orElse(0);
  }

  @Test
  void randomBatchesArriveWhateverHappensToRequests() throws Exception {
    Map<String, String> pieces = Map.of("MC_MAX_MR_SIZE", "100000", "MC_MAX_SGE", "6");
    SimulatedEngine a = open(left, pieces, "sim0", "sim1");
    SimulatedEngine b = open(right, pieces, "sim0", "sim1");
    MemorySegment here = arena.allocate(4 << 20, PAGE);
    MemorySegment there = arena.allocate(4 << 20, PAGE);
    List<Region> ours = registerInParts(a, here, random);
    List<Region> theirs = registerInParts(b, there, random);
    fabric.faults().delay(Duration.ofNanos(1), Duration.ofMillis(1));
    boolean fewer = false;
    for (int round = 0; round < 24; round++) {
      fill(here);
      fill(there);
      switch (round % 4) {
        case 1 -> fabric.faults().failRequests(WorkCompletionStatus.RETRY_EXCEEDED_ERROR, 1);
        case 2 -> fabric.faults().refusePost(random.nextInt(3) - 1, 12);
        case 3 -> fabric.faults().throwFrom("ibv_post_send", 1, new AssertionError("as asked"));
        default -> {}
      }
      BlockColumns blocks = batch(ours, here, theirs, there);
      Operation operation = round % 8 < 4 ? Operation.WRITE : Operation.READ;
      long requests = move(operation, a, b, blocks, here, there);
      fewer |= requests < blocks.count() / 2;
      fabric.faults().refusePost(Integer.MAX_VALUE, 0);
    }
    assertThat(fewer).as("some had fewer requests than half their blocks").isTrue();
  }

  /** Requests of four ranges come back from one device, and go out over one that takes one. */
  @Test
  void whatComesBackGoesOverADeviceThatTakesOneRange() throws Exception {
    left.device("sim1").limitElements(1, 1);
    SimulatedEngine a = open(left, Map.of("MC_MAX_SGE", "4"), "sim0", "sim1");
    SimulatedEngine b = open(right, Map.of(), "sim0", "sim1");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    BlockColumns blocks = pages(here, there);
    byte[] expected = moved(Operation.WRITE, blocks, here, there);
    fabric.faults().holdAfter(10 * PAGE);
    Started write = a.write(b, blocks);
    await().until(fabric.faults()::isHeld);
    left.device("sim0").portDown();
    left.device("sim0").remove();
    fabric.faults().release();
    assertCompleted(write);
    assertThat(there.mismatch(MemorySegment.ofArray(expected))).isEqualTo(-1);
  }

  @Test
  void aKeyThatThePeerHasTakenBackFailsItsTransferAndNoOther() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment kept = filled(b);
    MemorySegment gone = arena.allocate(BYTES, PAGE);
    Region region = b.registerAt(gone);
    PeerAddress old = b.address();
    b.unregister(region);
    BlockColumns fine = pages(here, kept);
    byte[] expected = moved(Operation.WRITE, fine, here, kept);
    Started bad = a.submit(Operation.WRITE, old, pages(here, gone));
    Started good = a.submit(Operation.WRITE, old, fine);
    End end = bad.await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.STALE_DESCRIPTOR);
    assertThat(end.failure().orElseThrow()).hasMessageContaining("REMOTE_ACCESS_ERROR");
    assertCompleted(good);
    assertThat(kept.mismatch(MemorySegment.ofArray(expected))).isEqualTo(-1);
    assertThat(gone.mismatch(MemorySegment.ofArray(new byte[(int) BYTES]))).isEqualTo(-1);
  }

  /** The third range of a request is in memory of ours that no device knows any more. */
  @Test
  void aRangeOfOursThatIsNotRegisteredFailsItsTransferAndNoOther() throws Exception {
    SimulatedEngine a = open(left, "sim0");
    SimulatedEngine b = open(right, "sim0");
    MemorySegment here = filled(a);
    MemorySegment there = filled(b);
    MemorySegment gone = arena.allocate(PAGE, PAGE);
    Region region = a.registerAt(gone);
    BlockColumns fine = pages(here, there);
    BlockColumns bad =
        BlockColumns.of(
            new long[] {
              here.address(), here.address() + 2 * PAGE, gone.address(), here.address() + 8 * PAGE
            },
            new long[] {
              there.address(),
              there.address() + PAGE,
              there.address() + 2 * PAGE,
              there.address() + 3 * PAGE
            },
            new long[] {PAGE, PAGE, PAGE, PAGE});
    byte[] before = there.toArray(ValueLayout.JAVA_BYTE);
    // The task still has it, as when it is taken back after the submit.
    a.transport().unregisterAll(List.of(region));
    End end = a.write(b, bad).await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.LOCAL);
    assertThat(end.failure().orElseThrow()).hasMessageContaining("0x%x".formatted(gone.address()));
    assertThat(there.mismatch(MemorySegment.ofArray(before))).isEqualTo(-1);
    assertThat(move(Operation.WRITE, a, b, fine, here, there)).isEqualTo(PAGES / 4);
  }

  @Test
  void completionQueuesOfWorkersAndDevicesHaveVectorsOfTheirOwn() {
    SimulatedEngine a = open(left, Map.of("MC_WORKERS_PER_CTX", "3"), "sim0", "sim1");
    assertThat(a.transport().nics()).hasSize(2);
    // The devices have four.
    assertThat(left.device("sim0").completionVectors()).containsExactly(0, 1, 2);
    assertThat(left.device("sim1").completionVectors()).containsExactly(3, 0, 1);
  }
}
