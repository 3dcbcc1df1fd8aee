// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static io.transferengine.contract.Party.MAIN;
import static io.transferengine.contract.Party.MAIN_BYTES;
import static io.transferengine.contract.Party.SIDE;
import static io.transferengine.contract.Party.SIDE_BYTES;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.contract.Party.Move;
import io.transferengine.engine.TransferHandle;
import io.transferengine.memory.Region;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every transport has to hold, tested with whole engines that have nothing but this transport.
 * Another one joins by a line in {@link Candidate#all}; {@code -Dcandidate=} names a part of them.
 *
 * <p>Each byte of all engines' memory, and around it, is known to the test ({@link CheckedMemory}).
 * Where a transfer has ended, its memory is overwritten at once: bytes that still move show.
 */
@ParameterizedClass(name = "{0}")
@MethodSource("io.transferengine.contract.Candidate#all")
@Timeout(600)
class TransportContractTest {
  /** Longer than a test may take: what ends, does not end by this. */
  private static final Duration LONG = Duration.ofMinutes(5);

  private static final Duration SHORT = Duration.ofMillis(300);

  /** What passes of a transfer of MAIN_BYTES before the way is stalled. */
  private static final long BEFORE_STALL = 1 << 20;

  /** Put into memory that no transfer may touch any more. */
  private static final byte MARKER = (byte) 0xa5;

  private final Random random;
  private final TransportSetup setup;
  private final List<Party> parties = new ArrayList<>();
  private final Party left;
  private final Party right;

  TransportContractTest(Candidate candidate) {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println("TransportContractTest, " + candidate + ": replay with -Dseed=" + seed);
    random = new Random(seed);
    setup = candidate.setup().apply(seed);
    left = open("left");
    right = open("right");
  }

  private Party open(String name) {
    Party party = new Party(setup, name, random.nextLong());
    parties.add(party);
    return party;
  }

  @AfterEach
  void everythingIsAsItShouldBe() {
    try {
      setup.resume();
      for (Party party : parties) {
        for (Region region : party.core.memory().regions().inOrder()) {
          await().until(() -> region.inFlight() == 0);
        }
        party.memory.check();
      }
    } finally {
      parties.forEach(Party::close);
      setup.close();
    }
  }

  // ---- what is moved

  @ParameterizedTest
  @EnumSource
  void rangesOfAnyLengthAndPlaceArriveWhole(Operation operation) {
    for (int length : new int[] {1, 7, 4095, 4096, 16 * 1024 + 1, 65_537, 3_000_001}) {
      for (Party from : List.of(left, right)) {
        Move move =
            from.move(
                operation,
                from == left ? right : left,
                MAIN + random.nextInt(MAIN_BYTES - length),
                MAIN + random.nextInt(MAIN_BYTES - length),
                length);
        assertCompleted(move.submit(LONG));
        move.arrives();
        checkAll();
      }
    }
    assertCompleted(left.main(operation, right).submit(LONG));
    left.main(operation, right).arrives();
  }

  @ParameterizedTest
  @EnumSource
  void blocksWithoutBytesMoveNothing(Operation operation) {
    long here = left.address(MAIN);
    long there = right.address(MAIN);
    TransferHandle none = left.submit(operation, right, BlockColumns.of(here, there, 0), LONG);
    assertCompleted(none);
    assertThat(none.transferredBytes()).isZero();
    // Not even a place that is nobody's is looked at.
    assertCompleted(left.submit(operation, right, BlockColumns.of(here, 1, 0), LONG));
    Move between = left.move(operation, right, MAIN + 100, MAIN + 1000, 9);
    TransferHandle mixed =
        left.submit(
            operation,
            right,
            BlockColumns.of(
                new long[] {here, between.local(), here},
                new long[] {there, between.remote(), there},
                new long[] {0, between.length(), 0}),
            LONG);
    assertCompleted(mixed);
    assertThat(mixed.transferredBytes()).isEqualTo(between.length());
    between.arrives();
  }

  @ParameterizedTest
  @EnumSource
  void manyBlocksArriveEachInItsPlace(Operation operation) {
    int count = setup.manyBlocks();
    int stride = 40;
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      order.add(i);
    }
    java.util.Collections.shuffle(order, random);
    List<Move> moves = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int length = i % 1000 == 0 ? 0 : 1 + random.nextInt(30);
      int here = MAIN + i * stride + random.nextInt(8);
      int there = MAIN + order.get(i) * stride + random.nextInt(8);
      moves.add(left.move(operation, right, here, there, length));
    }
    assertCompleted(left.submit(operation, right, columns(moves), LONG));
    moves.forEach(Move::arrives);
  }

  @Test
  void batchesAtOnceDoNotDisturbEachOther() throws Exception {
    int threads = 8;
    int batches = 12;
    int slot = 32 << 10;
    List<Callable<List<Move>>> work = new ArrayList<>();
    for (int thread = 0; thread < threads; thread++) {
      Random own = new Random(random.nextLong());
      int firstSlot = thread * batches;
      work.add(
          () -> {
            List<Move> done = new ArrayList<>();
            List<TransferHandle> underWay = new ArrayList<>();
            for (int batch = 0; batch < batches; batch++) {
              List<Move> moves = batch(own, MAIN + (firstSlot + batch) * slot, slot);
              done.addAll(moves);
              Move first = moves.getFirst();
              underWay.add(
                  first.from().submit(first.operation(), first.to(), columns(moves), LONG));
              if (underWay.size() == 3) {
                underWay.forEach(TransportContractTest::assertCompleted);
                underWay.clear();
              }
            }
            underWay.forEach(TransportContractTest::assertCompleted);
            return done;
          });
    }
    try (ExecutorService pool = Executors.newFixedThreadPool(threads)) {
      for (Future<List<Move>> done : pool.invokeAll(work)) {
        done.get().forEach(Move::arrives);
      }
    }
  }

  /** Blocks into one slot of a large registration, out of a small one, which nobody changes. */
  private List<Move> batch(Random own, int slot, int slotBytes) {
    Operation operation = own.nextBoolean() ? Operation.WRITE : Operation.READ;
    Party from = own.nextBoolean() ? left : right;
    Party to = from == left ? right : left;
    List<Move> moves = new ArrayList<>();
    int most = own.nextInt(5) == 0 ? slotBytes : 2000;
    for (int at = own.nextInt(100); at < slotBytes; at += own.nextInt(100)) {
      int length = Math.min(slotBytes - at, 1 + own.nextInt(most));
      int source = SIDE + own.nextInt(SIDE_BYTES - length);
      boolean write = operation == Operation.WRITE;
      moves.add(
          from.move(operation, to, write ? source : slot + at, write ? slot + at : source, length));
      at += length;
    }
    return moves;
  }

  /** Registrations may be of different kinds: then the batch needs a transport for each. */
  @ParameterizedTest
  @EnumSource
  void blocksOfAllRegistrationsArriveInOneBatch(Operation operation) {
    List<Move> moves = new ArrayList<>();
    int part = SIDE_BYTES / 64;
    for (int i = 0; i < 64; i++) {
      boolean here = random.nextBoolean();
      boolean there = random.nextBoolean();
      moves.add(
          left.move(
              operation,
              right,
              (here ? MAIN : SIDE) + i * part + random.nextInt(part / 2),
              (there ? MAIN : SIDE) + i * part + random.nextInt(part / 2),
              1 + random.nextInt(part / 2)));
    }
    TransferHandle transfer = left.submit(operation, right, columns(moves), LONG);
    assertCompleted(transfer);
    assertThat(transfer.transferredBytes()).isEqualTo(moves.stream().mapToLong(Move::length).sum());
    moves.forEach(Move::arrives);
  }

  // ---- bounds

  @ParameterizedTest
  @EnumSource
  void nothingBeyondARegistrationOfThePeerIsTouched(Operation operation) {
    int[][] ranges = {
      {MAIN - 1, 2},
      {MAIN + MAIN_BYTES - 1, 2},
      {MAIN - 64, 64},
      {MAIN + MAIN_BYTES, 64},
      {SIDE - 8, SIDE_BYTES / 2},
      {SIDE + SIDE_BYTES * 3 / 4, SIDE_BYTES / 4 + 8}
    };
    for (int i = 0; i < ranges.length; i++) {
      int here = MAIN + i * (SIDE_BYTES / 2);
      Move move = left.move(operation, right, here, ranges[i][0], ranges[i][1]);
      assertNotRegistered(move.submit(LONG), right);
      mayArriveInside(move);
      checkAll();
    }
    long local = left.address(MAIN);
    for (long nowhere : new long[] {1, 4096, 1L << 46, Long.MAX_VALUE - 4096}) {
      assertNotRegistered(
          left.submit(operation, right, BlockColumns.of(local, nowhere, 8), LONG), right);
    }
    checkAll();
    flush(left, right);
  }

  @ParameterizedTest
  @EnumSource
  void aBlockOutOfBoundsFailsItsBatchOnly(Operation operation) {
    Move before = left.move(operation, right, MAIN, MAIN, 100);
    Move outside = left.move(operation, right, MAIN + 1000, MAIN + MAIN_BYTES + 10, 100);
    Move behind = left.move(operation, right, MAIN + 2000, MAIN + 2000, 100_000);
    Move other = left.move(operation, right, SIDE, SIDE, SIDE_BYTES);
    TransferHandle good = other.submit(LONG);
    TransferHandle bad =
        left.submit(operation, right, columns(List.of(before, outside, behind)), LONG);
    assertNotRegistered(bad, right);
    before.mayArrive();
    behind.mayArrive();
    assertCompleted(good);
    other.arrives();
  }

  @ParameterizedTest
  @EnumSource
  void memoryOfOursThatIsNotRegisteredIsRefusedAtOnce(Operation operation) {
    for (int[] range : new int[][] {{MAIN - 1, 2}, {MAIN + MAIN_BYTES - 1, 2}, {0, 16}}) {
      Move move = left.move(operation, right, range[0], MAIN, range[1]);
      assertThatThrownBy(() -> move.submit(LONG))
          .isInstanceOfSatisfying(
              TransferException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED));
    }
  }

  // ---- an end from outside

  @ParameterizedTest
  @EnumSource
  void afterADeadlineTheMemoryIsFree(Operation operation) {
    endsInTheMiddle(operation, SHORT, _ -> {}, TransferState.TIMEOUT, ErrorCode.TIMEOUT);
  }

  @ParameterizedTest
  @EnumSource
  void afterACancelTheMemoryIsFree(Operation operation) {
    endsInTheMiddle(
        operation, LONG, TransferHandle::cancel, TransferState.CANCELED, ErrorCode.CANCELED);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsUnregisteredHereIsFree(Operation operation) {
    endsInTheMiddle(
        operation,
        LONG,
        _ -> left.unregisterMain(),
        TransferState.FAILED,
        ErrorCode.ADDRESS_NOT_REGISTERED);
  }

  private void endsInTheMiddle(
      Operation operation,
      Duration timeout,
      Consumer<TransferHandle> how,
      TransferState state,
      ErrorCode code) {
    int half = SIDE_BYTES / 2;
    List<Move> victim =
        List.of(left.main(operation, right), left.move(operation, right, SIDE, SIDE, half));
    Move neighbour = left.move(operation, right, SIDE + half, SIDE + half, half);
    TransferHandle ending = stalledInTheMiddle(victim, timeout);
    TransferHandle staying = neighbour.submit(LONG);
    how.accept(ending);
    assertThat(end(ending)).isEqualTo(state);
    assertThat(ending.failure().orElseThrow().code()).isEqualTo(code);
    victim.forEach(Move::mayArrive);
    left.memory.fill(MAIN, MAIN_BYTES, MARKER);
    left.memory.fill(SIDE, half, MARKER);
    setup.resume();
    assertCompleted(staying);
    neighbour.arrives();
    flush(left, right);
  }

  @ParameterizedTest
  @EnumSource
  void whatIsUnregisteredThereIsFree(Operation operation) {
    Move victim = left.main(operation, right);
    TransferHandle ending = stalledInTheMiddle(victim, LONG);
    right.unregisterMain();
    victim.mayArrive();
    right.memory.check();
    right.memory.fill(MAIN, MAIN_BYTES, MARKER);
    setup.resume();
    assertFailed(ending, operation);
    flush(left, right);
  }

  @ParameterizedTest
  @EnumSource
  void cancelsAtAnyMomentLeaveTheMemoryFree(Operation operation) {
    int part = MAIN_BYTES / 16;
    int sidePart = SIDE_BYTES / 16;
    for (int round = 0; round < 16; round++) {
      int at = MAIN + round * part;
      int sideAt = SIDE + round * sidePart;
      List<Move> moves =
          List.of(
              left.move(operation, right, at, at, part),
              left.move(operation, right, sideAt, sideAt, sidePart));
      TransferHandle transfer = left.submit(operation, right, columns(moves), LONG);
      awaitBytes(transfer, random.nextInt(part + sidePart));
      boolean canceled = transfer.cancel();
      TransferState state = end(transfer);
      assertThat(state).isIn(TransferState.CANCELED, TransferState.COMPLETED);
      assertThat(canceled || state == TransferState.COMPLETED).isTrue();
      moves.forEach(state == TransferState.COMPLETED ? Move::arrives : Move::mayArrive);
      left.memory.check();
      left.memory.fill(at, part, MARKER);
      left.memory.fill(sideAt, sidePart, MARKER);
    }
    flush(left, right);
  }

  // ---- engines that end

  @ParameterizedTest
  @EnumSource
  void aPeerThatIsGoneFailsItsTransfersAndNoOther(Operation operation) {
    Party third = open("third");
    Move victim = left.main(operation, right);
    Move other = left.move(operation, third, SIDE, SIDE, SIDE_BYTES);
    TransferHandle lost = stalledInTheMiddle(victim, LONG);
    TransferHandle staying = other.submit(LONG);
    setup.kill("right");
    setup.resume();
    right.core.close();
    assertFailed(lost);
    victim.mayArrive();
    assertCompleted(staying);
    other.arrives();
    assertFailed(left.move(operation, right, SIDE, SIDE, 9).submit(LONG));
    flush(left, third);
  }

  @ParameterizedTest
  @EnumSource
  void whoeverIsClosedTouchesNoMemory(Operation operation) {
    Party third = open("third");
    List<Move> moves =
        List.of(
            left.main(operation, right),
            left.move(operation, right, SIDE, SIDE, SIDE_BYTES / 2),
            left.move(operation, third, SIDE + SIDE_BYTES / 2, SIDE, SIDE_BYTES / 2));
    setup.stallAfter(BEFORE_STALL);
    List<TransferHandle> transfers = moves.stream().map(move -> move.submit(LONG)).toList();
    await().until(setup::isStalled);
    left.core.close();
    assertThat(transfers.getFirst().state()).isEqualTo(TransferState.FAILED);
    endedByClose(moves, transfers);
    left.memory.fill(MAIN, MAIN_BYTES, MARKER);
    left.memory.fill(SIDE, SIDE_BYTES, MARKER);
    setup.resume();
    flush(third, right, SIDE + SIDE_BYTES / 2);
  }

  @ParameterizedTest
  @EnumSource
  void aTargetThatIsClosedTouchesNoMemory(Operation operation) {
    Move victim = left.main(operation, right);
    TransferHandle ending = stalledInTheMiddle(victim, LONG);
    right.core.close();
    victim.mayArrive();
    right.memory.check();
    right.memory.fill(MAIN, MAIN_BYTES, MARKER);
    setup.resume();
    assertFailed(ending, operation);
    flush(left, open("third"));
  }

  @ParameterizedTest
  @EnumSource
  void closingWhileBytesFlowEndsEveryTransfer(Operation operation) {
    int part = MAIN_BYTES / 8;
    for (int round = 0; round < 4; round++) {
      Party closing = open("closing" + round);
      List<Move> moves = new ArrayList<>();
      for (int i = 0; i < 2; i++) {
        int there = MAIN + (2 * round + i) * part;
        moves.add(closing.move(operation, right, MAIN + i * part, there, part));
      }
      List<TransferHandle> transfers = moves.stream().map(move -> move.submit(LONG)).toList();
      awaitBytes(transfers.getLast(), random.nextInt(part));
      closing.core.close();
      endedByClose(moves, transfers);
      closing.memory.check();
      closing.memory.fill(MAIN, MAIN_BYTES, MARKER);
    }
    flush(left, right);
  }

  /** All have ended, if not before, then because of the close. */
  private static void endedByClose(List<Move> moves, List<TransferHandle> transfers) {
    for (int i = 0; i < transfers.size(); i++) {
      TransferHandle transfer = transfers.get(i);
      if (transfer.state() == TransferState.COMPLETED) {
        moves.get(i).arrives();
      } else {
        assertThat(transfer.state()).isEqualTo(TransferState.FAILED);
        assertThat(transfer.failure().orElseThrow().code()).isEqualTo(ErrorCode.CLOSED);
        moves.get(i).mayArrive();
      }
    }
  }

  // ---- the tools

  private TransferHandle stalledInTheMiddle(Move move, Duration timeout) {
    return stalledInTheMiddle(List.of(move), timeout);
  }

  private TransferHandle stalledInTheMiddle(List<Move> moves, Duration timeout) {
    Move first = moves.getFirst();
    // So that both know each other, and the stall is not spent on that.
    flush(first.from(), first.to());
    setup.stallAfter(BEFORE_STALL);
    TransferHandle transfer =
        first.from().submit(first.operation(), first.to(), columns(moves), timeout);
    await().until(() -> setup.isStalled() || transfer.state().isTerminal());
    return transfer;
  }

  /** Moves enough both ways that whatever was under way before has passed. */
  private void flush(Party from, Party to) {
    flush(from, to, SIDE);
  }

  private void flush(Party from, Party to, int start) {
    int part = (SIDE + SIDE_BYTES - start) / 8;
    for (Operation operation : List.of(Operation.WRITE, Operation.READ)) {
      List<Move> moves = new ArrayList<>();
      for (int i = 0; i < 8; i++) {
        moves.add(from.move(operation, to, start + i * part, start + i * part, part));
      }
      List<TransferHandle> transfers = moves.stream().map(move -> move.submit(LONG)).toList();
      transfers.forEach(TransportContractTest::assertCompleted);
      moves.forEach(Move::arrives);
    }
    from.memory.check();
    to.memory.check();
  }

  private void checkAll() {
    parties.forEach(party -> party.memory.check());
  }

  /** Where a range leaves a registration, what lies inside it may move. */
  private static void mayArriveInside(Move move) {
    for (int[] inside : new int[][] {{MAIN, MAIN_BYTES}, {SIDE, SIDE_BYTES}}) {
      int start = Math.max(move.there(), inside[0]);
      int end = Math.min(move.there() + move.length(), inside[0] + inside[1]);
      if (start < end) {
        int here = move.here() + start - move.there();
        move.from().move(move.operation(), move.to(), here, start, end - start).mayArrive();
      }
    }
  }

  private static BlockColumns columns(List<Move> moves) {
    return BlockColumns.of(
        moves.stream().mapToLong(Move::local).toArray(),
        moves.stream().mapToLong(Move::remote).toArray(),
        moves.stream().mapToLong(Move::length).toArray());
  }

  /** Until so many bytes have arrived, as far as is known, or the transfer has ended. */
  private static void awaitBytes(TransferHandle transfer, long bytes) {
    while (transfer.transferredBytes() < bytes && !transfer.state().isTerminal()) {
      Thread.onSpinWait();
    }
  }

  private static TransferState end(TransferHandle transfer) {
    try {
      return transfer.await(LONG);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertCompleted(TransferHandle transfer) {
    assertThat(end(transfer)).as("%s", transfer.failure()).isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.failure()).isEmpty();
  }

  private static void assertFailed(TransferHandle transfer) {
    assertThat(end(transfer)).isEqualTo(TransferState.FAILED);
    assertThat(transfer.failure()).isPresent();
  }

  /** A read may have been on its way as a whole, and arrives then. */
  private static void assertFailed(TransferHandle transfer, Operation operation) {
    if (operation == Operation.WRITE || end(transfer) != TransferState.COMPLETED) {
      assertFailed(transfer);
    }
  }

  private void assertNotRegistered(TransferHandle transfer, Party peer) {
    assertFailed(transfer);
    TransferException why = transfer.failure().orElseThrow();
    if (setup.saysWhatItRefuses()) {
      assertThat(why.code()).as("%s", why).isEqualTo(ErrorCode.ADDRESS_NOT_REGISTERED);
    }
    assertThat(why).hasMessageContaining(peer.core.segmentName());
  }
}
