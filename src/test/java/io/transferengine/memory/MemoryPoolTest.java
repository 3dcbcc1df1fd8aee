// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What one thread sees; small pools (64 KiB to 1 MiB) where their size does not matter. */
@Timeout(120)
class MemoryPoolTest {
  private static final long KIB = 1024;
  private static final long MIB = 1024 * KIB;

  private final RecordingRegistrar registrar = new RecordingRegistrar();
  private final AtomicLong nanos = new AtomicLong();
  private MemoryPool pool = small(16 * MIB);

  private MemoryPool small(long limitBytes) {
    return new MemoryPool(
        limitBytes, new OffHeapSource("cpu:0"), registrar, 64 * KIB, MIB, nanos::get);
  }

  @AfterEach
  void close() {
    pool.close();
    assertThat(registrar.table.size()).isZero();
    assertThat(pool.reservedBytes()).isZero();
    assertThat(registrar.unregisterCount).hasValue(registrar.registerCount.get());
  }

  private static void assertRefused(ErrorCode code, String text, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(TransferException.class)
        .hasMessageContaining(text)
        .extracting(e -> ((TransferException) e).code())
        .isEqualTo(code);
  }

  @Test
  void firstPoolHas64MibIsOneRegistrationAndBeginsAtAPage() {
    pool = new MemoryPool(1L << 30, new OffHeapSource("cpu:1"), registrar);
    MemorySegment first = pool.allocate(100);
    MemorySegment second = pool.allocate(10 * MIB);

    assertThat(first.byteSize()).isEqualTo(100);
    assertThat(first.address() % 4096).isZero();
    assertThat(second.byteSize()).isEqualTo(10 * MIB);
    Region region = registrar.table.inOrder().getFirst();
    assertThat(region.address()).isEqualTo(first.address());
    assertThat(region.length()).isEqualTo(64 * MIB);
    assertThat(region.location()).isEqualTo("cpu:1");
    assertThat(region.covers(second.address(), second.byteSize())).isTrue();
    assertThat(pool.poolCount()).isEqualTo(1);
    assertThat(pool.usedBytes()).isEqualTo(100 + 10 * MIB);
    assertThat(pool.reservedBytes()).isEqualTo(64 * MIB);
  }

  @Test
  void aRequestAboveTheFirstSizeMakesThePoolThatHoldsIt() {
    pool = new MemoryPool(1L << 30, new OffHeapSource("*"), registrar);
    MemorySegment block = pool.allocate(100 * MIB);

    Region region = registrar.table.inOrder().getFirst();
    assertThat(region.address()).isEqualTo(block.address());
    assertThat(region.length()).isEqualTo(128 * MIB);
  }

  @Test
  void blocksAreWritableToTheLastByteAndDoNotOverlap() {
    List<MemorySegment> blocks = new ArrayList<>();
    for (int i = 1; i <= 40; i++) {
      MemorySegment block = pool.allocate(i * 700L);
      block.fill((byte) i);
      blocks.add(block);
    }
    for (int i = 1; i <= 40; i++) {
      byte[] bytes = blocks.get(i - 1).toArray(ValueLayout.JAVA_BYTE);
      assertThat(bytes).hasSize(i * 700).containsOnly(i);
    }
  }

  @Test
  void furtherPoolsDoubleUpToTheLargest() {
    for (int i = 0; i < 40; i++) {
      pool.allocate(64 * KIB);
    }
    assertThat(registrar.table.inOrder())
        .extracting(region -> region.length() / KIB)
        .containsExactly(64L, 128L, 256L, 512L, 1024L, 1024L);
  }

  @Test
  void aRequestAboveTheLargestPoolGetsARegionOfItsOwn() {
    MemorySegment block = pool.allocate(MIB + 1);

    Region region = registrar.table.inOrder().getFirst();
    assertThat(region.length()).isEqualTo(MIB + 1);
    assertThat(region.address()).isEqualTo(block.address());
    assertThat(block.address() % 4096).isZero();
    assertThat(pool.reservedBytes()).isEqualTo(MIB + 1);

    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED, "begins at", () -> pool.free(block.address() + 8, 8));
    assertRefused(
        ErrorCode.INVALID_ARGUMENT, "was not allocated with", () -> pool.free(block.address(), 8));
    pool.free(block.address(), MIB + 1);
    assertThat(pool.poolCount()).isZero();
    assertThat(pool.reservedBytes()).isZero();
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED, "begins at", () -> pool.free(block.address(), MIB + 1));
  }

  @Test
  void impossibleLengthsAreRefused() {
    assertRefused(ErrorCode.INVALID_ARGUMENT, "Length 0", () -> pool.allocate(0));
    assertRefused(ErrorCode.INVALID_ARGUMENT, "Length -1", () -> pool.allocate(-1));
    assertRefused(
        ErrorCode.MEMORY, Long.toString(Long.MAX_VALUE), () -> pool.allocate(Long.MAX_VALUE));
    assertRefused(ErrorCode.INVALID_ARGUMENT, "Limit of 0", () -> small(0));
    assertThat(registrar.registerCount).hasValue(0);
  }

  @Test
  void wrongFreesAreRefusedAndChangeNothing() {
    long address = pool.allocate(9 * KIB).address();
    pool.allocate(1);

    assertRefused(
        ErrorCode.INVALID_ARGUMENT, "was not allocated with", () -> pool.free(address, 16 * KIB));
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED, "begins at", () -> pool.free(address + 8 * KIB, 9 * KIB));
    assertRefused(ErrorCode.ADDRESS_NOT_REGISTERED, "0x10", () -> pool.free(0x10, 9 * KIB));
    assertRefused(ErrorCode.ADDRESS_NOT_REGISTERED, "begins at", () -> pool.free(-1, 9 * KIB));
    assertThat(pool.usedBytes()).isEqualTo(9 * KIB + 1);

    pool.free(address, 9 * KIB);
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED, "freed before", () -> pool.free(address, 9 * KIB));
    assertThat(pool.usedBytes()).isEqualTo(1);
  }

  @Test
  void aFreedBlockRestsUnlessThereIsNoOther() {
    MemorySegment keeper = pool.allocate(8 * KIB);
    MemorySegment freed = pool.allocate(8 * KIB);
    pool.free(freed.address(), 8 * KIB);
    MemorySegment next = pool.allocate(8 * KIB);
    assertThat(next.address()).isNotEqualTo(freed.address());
    pool.free(next.address(), 8 * KIB);
    nanos.addAndGet(MemoryPool.REST_SECONDS * 1_000_000_000L);
    assertThat(pool.allocate(8 * KIB).address()).as("rested").isEqualTo(freed.address());

    // Both halves, so that the quarters of one have to be whole again: nothing new is taken for it.
    MemorySegment half = pool.allocate(32 * KIB);
    pool.free(half.address(), 32 * KIB);
    assertThat(pool.allocate(32 * KIB).address()).as("no other").isEqualTo(half.address());
    assertThat(pool.poolCount()).isEqualTo(1);
    assertThat(keeper.address()).isNotEqualTo(freed.address());
  }

  @Test
  void whatRestsIsFreeAndFreedOnce() {
    MemorySegment keeper = pool.allocate(8 * KIB);
    MemorySegment freed = pool.allocate(8 * KIB);
    pool.free(freed.address(), 8 * KIB);
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "was freed before",
        () -> pool.free(freed.address(), 8 * KIB));
    pool.free(keeper.address(), 8 * KIB);
    assertThat(pool.poolCount()).isZero();
    assertThat(pool.allocate(64 * KIB).byteSize()).as("the spare, whole").isEqualTo(64 * KIB);
    assertThat(pool.reservedBytes()).isEqualTo(64 * KIB);
  }

  @Test
  void aBlockThatIsBeingFreedTakesNoNewUse() {
    MemorySegment block = pool.allocate(100);
    Region region = registrar.table.inOrder().getFirst();
    assertThat(region.acquire(block.address(), 100)).isTrue();
    pool.refuse(block.address(), 100);
    assertThat(region.acquire(block.address(), 100)).isFalse();
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "being freed by another thread",
        () -> pool.refuse(block.address(), 100));
    pool.readmit(block.address(), 100);
    assertThat(region.acquire(block.address(), 1)).isTrue();
    assertThat(region.inFlight()).isEqualTo(2);
    region.release();
    region.release();
    assertThat(region.acquire(block.address(), 101)).as("beyond its end").isFalse();
    assertThat(region.inFlight()).isZero();
    pool.free(block.address(), 100);
  }

  @Test
  void ownsWhatLiesInItsPools() {
    long address = pool.allocate(100).address();
    assertThat(pool.owns(address)).isTrue();
    assertThat(pool.owns(address + 64 * KIB - 1)).isTrue();
    assertThat(pool.owns(address + 64 * KIB)).isFalse();
    assertThat(pool.owns(address - 1)).isFalse();
    assertThat(pool.owns(0)).isFalse();
    pool.free(address, 100);
    assertThat(pool.owns(address)).isFalse();
  }

  @Test
  void emptyPoolLosesItsRegistrationAndOneIsKeptAsSpare() {
    MemorySegment first = pool.allocate(64 * KIB);
    MemorySegment second = pool.allocate(64 * KIB);
    assertThat(pool.poolCount()).isEqualTo(2);

    pool.free(second.address(), 64 * KIB);
    assertThat(pool.poolCount()).isEqualTo(1);
    assertThat(pool.reservedBytes()).as("128 KiB are returned").isEqualTo(64 * KIB);
    assertThatThrownBy(() -> second.get(ValueLayout.JAVA_BYTE, 0))
        .as("Java knows that the memory is gone")
        .isInstanceOf(IllegalStateException.class);

    pool.free(first.address(), 64 * KIB);
    assertThat(pool.poolCount()).isZero();
    assertThat(registrar.table.size()).isZero();
    assertThat(pool.usedBytes()).isZero();
    assertThat(pool.reservedBytes()).as("the spare").isEqualTo(64 * KIB);

    for (int i = 0; i < 3; i++) {
      MemorySegment again = pool.allocate(10);
      assertThat(again.address()).isEqualTo(first.address());
      pool.free(again.address(), 10);
    }
    assertThat(registrar.registerCount).hasValue(5);
  }

  @Test
  void nearTheLimitASmallerPoolIsMadeForManyBlocks() {
    pool = small(100 * KIB);
    pool.allocate(64 * KIB);
    for (int i = 0; i < 4; i++) {
      pool.allocate(8 * KIB);
    }
    assertThat(registrar.table.inOrder())
        .extracting(region -> region.length() / KIB)
        .containsExactly(64L, 32L);
  }

  @Test
  void onlyOneSpareIsKept() {
    pool = small(128 * KIB);
    MemorySegment first = pool.allocate(64 * KIB);
    MemorySegment second = pool.allocate(64 * KIB);
    assertThat(registrar.table.inOrder()).extracting(Region::length).containsOnly(64 * KIB);

    pool.free(first.address(), 64 * KIB);
    pool.free(second.address(), 64 * KIB);
    assertThat(pool.reservedBytes()).isEqualTo(64 * KIB);
    assertThat(second.scope().isAlive()).isFalse();
  }

  @Test
  void everyByteUpToTheLimitCanBeHad() {
    pool = small(64 * KIB + 32 * KIB + 8 * KIB + 100);
    pool.allocate(40 * KIB);
    pool.allocate(32 * KIB);
    pool.allocate(8 * KIB);
    MemorySegment rest = pool.allocate(100);

    assertThat(pool.reservedBytes()).isEqualTo(104 * KIB + 100);
    assertRefused(ErrorCode.MEMORY, "has no room for 1 bytes requested", () -> pool.allocate(1));
    pool.free(rest.address(), 100);
    pool.allocate(99);
  }

  @Test
  void aRequestWhoseClassExceedsTheLimitStillFits() {
    pool = small(50_000);
    MemorySegment block = pool.allocate(50_000);
    assertThat(pool.reservedBytes()).isEqualTo(50_000);
    pool.free(block.address(), 50_000);
    pool.allocate(30_000);
  }

  @Test
  void refusalNamesFiguresAndOption() {
    pool = small(100 * KIB);
    pool.allocate(1000);
    assertThatThrownBy(() -> pool.allocate(50_000))
        .hasMessageContainingAll(
            "50000 bytes", "1000 in use", "65536", "102400", "TE_MANAGED_MEMORY_LIMIT_BYTES");
    assertThat(pool.reservedBytes()).isEqualTo(64 * KIB);
  }

  @Test
  void theSpareGivesWayToARequestThatNeedsItsRoom() {
    pool = small(128 * KIB);
    MemorySegment block = pool.allocate(1);
    pool.free(block.address(), 1);
    assertThat(pool.reservedBytes()).isEqualTo(64 * KIB);

    pool.allocate(128 * KIB);
    assertThat(pool.reservedBytes()).isEqualTo(128 * KIB);
  }

  @Test
  void memoryThatTheSystemDoesNotHaveIsAnErrorWithARemedy() {
    pool = new MemoryPool(Long.MAX_VALUE, new OffHeapSource("*"), registrar);
    assertRefused(ErrorCode.MEMORY, "TE_MANAGED_MEMORY_LIMIT_BYTES", () -> pool.allocate(1L << 46));
    assertThat(pool.reservedBytes()).isZero();
    pool.allocate(1);
  }

  @Test
  void refusedRegistrationLeavesNothingBehind() {
    registrar.onRegister =
        () -> {
          throw new TransferException(ErrorCode.CONTEXT, "no memory region", "");
        };
    assertRefused(ErrorCode.CONTEXT, "no memory region", () -> pool.allocate(1));
    assertThat(pool.reservedBytes()).isZero();
    assertThat(pool.usedBytes()).isZero();
    registrar.onRegister = () -> {};
    pool.allocate(1);
    registrar.unregisterCount.incrementAndGet(); // the refused one, for the count at the end
  }

  @Test
  void memoryThatCannotBeUnregisteredIsKeptUntilItCan() {
    pool = small(64 * KIB);
    MemorySegment block = pool.allocate(64);
    deviceKeeps();
    assertFreedButKept(() -> pool.free(block.address(), 64));
    block.fill((byte) 1);
    assertThat(pool.reservedBytes()).isEqualTo(64 * KIB);
    assertThat(pool.poolCount()).isZero();
    assertThat(pool.usedBytes()).isZero();
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "No managed buffer",
        () -> pool.free(block.address(), 64));
    assertRefused(ErrorCode.MEMORY, "no room", () -> pool.allocate(64));
    assertThat(registrar.unregisterCount).as("attempts").hasValue(2);
    block.fill((byte) 2);

    deviceLetsGo();
    assertThat(pool.allocate(64)).isNotNull();
    assertThat(pool.reservedBytes()).isEqualTo(64 * KIB);
    assertThat(registrar.table.size()).isEqualTo(1);
  }

  /** The call has done what it was for; what its pool meets is for the log. */
  private static void assertFreedButKept(Runnable free) {
    try (LogCapture log = new LogCapture()) {
      free.run();
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains("The buffer is free, but its pool", "stuck");
    }
  }

  @Test
  void whateverEndsTheRegistrationThrowsTheBlockIsFreeAndItsPoolIsTriedAgain() {
    for (Throwable thrown : List.of(new OutOfMemoryError("meant"), new InternalError("meant"))) {
      long block = pool.allocate(64).address();
      registrar.onUnregister =
          () -> {
            throw (Error) thrown;
          };
      try (LogCapture log = new LogCapture()) {
        pool.free(block, 64);
        assertThat(log.warnings()).singleElement().asString().contains("A buffer is free");
      }
      assertThat(pool.usedBytes()).isZero();
      deviceLetsGo();
      // Whatever is freed next returns it, too.
      long next = pool.allocate(64).address();
      pool.free(next, 64);
      assertThat(registrar.table.size()).isZero();
    }
  }

  private void deviceKeeps() {
    registrar.onUnregister =
        () -> {
          throw new TransferException(ErrorCode.CONTEXT, "stuck", "");
        };
  }

  /** Only the attempts that succeed count at the end. */
  private void deviceLetsGo() {
    registrar.onUnregister = () -> {};
    registrar.unregisterCount.set(0);
    registrar.registerCount.set(registrar.table.size());
  }

  @Test
  void whatIsKeptIsTriedAgainWhenOtherMemoryIsFreedAndOnClosing() {
    long first = pool.allocate(64 * KIB).address();
    long second = pool.allocate(128 * KIB).address();
    long third = pool.allocate(256 * KIB).address();
    deviceKeeps();
    assertFreedButKept(() -> pool.free(first, 64 * KIB));
    assertFreedButKept(() -> pool.free(second, 128 * KIB));
    assertThat(registrar.table.size()).isEqualTo(3);
    deviceLetsGo();
    pool.free(third, 256 * KIB);
    assertThat(registrar.table.size()).isZero();
    assertThat(pool.reservedBytes()).as("the spare").isEqualTo(64 * KIB);

    long last = pool.allocate(64 * KIB).address();
    deviceKeeps();
    assertFreedButKept(() -> pool.free(last, 64 * KIB));
    deviceLetsGo();
    pool.close();
    assertThat(registrar.table.size()).isZero();
    assertThat(pool.reservedBytes()).isZero();
  }

  @Test
  void closeReturnsAllAndIsIdempotent() {
    MemorySegment block = pool.allocate(100);
    pool.allocate(2 * MIB);
    pool.close();
    pool.close();

    assertThat(pool.usedBytes()).isZero();
    assertThat(pool.poolCount()).isZero();
    assertThat(block.scope().isAlive()).isFalse();
    assertRefused(ErrorCode.CLOSED, "closed", () -> pool.allocate(1));
    assertRefused(
        ErrorCode.ADDRESS_NOT_REGISTERED, "begins at", () -> pool.free(block.address(), 100));
    assertThat(pool.owns(block.address())).isFalse();
  }

  @Test
  void closeGoesOnAfterAFailure() {
    pool.allocate(100);
    pool.allocate(2 * MIB);
    registrar.onUnregister =
        () -> {
          if (registrar.unregisterCount.get() == 1) {
            throw new IllegalStateException("stuck");
          }
        };
    assertThatThrownBy(pool::close).hasStackTraceContaining("stuck");
    assertThat(registrar.unregisterCount).hasValue(2);
    assertThat(registrar.table.size()).isEqualTo(1);
    assertThatCode(pool::close).doesNotThrowAnyException();

    registrar.table.inOrder().forEach(registrar.table::remove);
    pool = small(MIB);
  }

  @Test
  void closeReturnsAllInAFullHeap() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("--enable-native-access=ALL-UNNAMED", "-Xmx24m", "-XX:+UseSerialGC"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            FullHeapCloseMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
  }
}
