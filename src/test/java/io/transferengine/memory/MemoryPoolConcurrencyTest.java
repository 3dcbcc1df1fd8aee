// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(120)
class MemoryPoolConcurrencyTest {
  private static final long KIB = 1024;
  private static final long MIB = 1024 * KIB;

  private final RecordingRegistrar registrar = new RecordingRegistrar();

  private MemoryPool small(long limitBytes) {
    return new MemoryPool(
        limitBytes, new OffHeapSource("*"), registrar, 64 * KIB, MIB, System::nanoTime);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void join(List<? extends Future<?>> all) throws Exception {
    for (Future<?> one : all) {
      one.get(60, TimeUnit.SECONDS);
    }
  }

  @Test
  void manyFirstRequestsMakeOnePool() throws Exception {
    MemoryPool pool = new MemoryPool(1L << 30, new OffHeapSource("*"), registrar);
    var barrier = new CyclicBarrier(64);
    try (pool;
        ExecutorService threads = Executors.newCachedThreadPool()) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 0; i < 64; i++) {
        all.add(
            threads.submit(
                () -> {
                  barrier.await();
                  return pool.allocate(4 * KIB);
                }));
      }
      join(all);
      assertThat(pool.poolCount()).isEqualTo(1);
      assertThat(registrar.registerCount).hasValue(1);
    }
  }

  /** Every thread stamps its blocks; a stamp that changed means that two threads had one byte. */
  @Test
  void blocksBelongToOneThreadAtATime() throws Exception {
    MemoryPool pool = small(8 * MIB);
    Random seeds = Seeds.random("blocksBelongToOneThreadAtATime");
    try (ExecutorService threads = Executors.newFixedThreadPool(8)) {
      List<Future<?>> all = new ArrayList<>();
      for (int i = 1; i <= 8; i++) {
        all.add(threads.submit(churn(pool, (byte) i, new Random(seeds.nextLong()))));
      }
      join(all);
    }
    assertThat(pool.usedBytes()).isZero();
    assertThat(pool.poolCount()).isZero();
    assertThat(pool.reservedBytes()).isLessThanOrEqualTo(64 * KIB);
    assertThat(registrar.table.size()).isZero();
    pool.close();
    assertThat(pool.reservedBytes()).isZero();
    assertThat(registrar.unregisterCount).hasValue(registrar.registerCount.get());
  }

  private static Callable<Integer> churn(MemoryPool pool, byte stamp, Random random) {
    return () -> {
      int refusals = 0;
      List<MemorySegment> mine = new ArrayList<>();
      for (int step = 0; step < 1_500; step++) {
        boolean isAllocation = random.nextInt(20) < (step / 100 % 2 == 0 ? 13 : 4);
        if (isAllocation) {
          try {
            MemorySegment block = pool.allocate(1 + random.nextLong(128 * KIB));
            block.fill(stamp);
            mine.add(block);
            assertThat(pool.reservedBytes()).isLessThanOrEqualTo(8 * MIB);
          } catch (TransferException e) {
            refusals++;
          }
        } else if (!mine.isEmpty()) {
          check(pool, mine.remove(random.nextInt(mine.size())), stamp);
        }
      }
      mine.forEach(block -> check(pool, block, stamp));
      return refusals;
    };
  }

  private static void check(MemoryPool pool, MemorySegment block, byte stamp) {
    MemorySegment expected = MemorySegment.ofArray(new byte[(int) block.byteSize()]);
    expected.fill(stamp);
    assertThat(block.mismatch(expected)).isEqualTo(-1);
    pool.free(block.address(), block.byteSize());
  }

  @Test
  void theLockIsFreeWhileTheRegistrarWorks() throws Exception {
    try (ExecutorService threads = Executors.newCachedThreadPool();
        MemoryPool pool = small(8 * MIB)) {
      Runnable look =
          () -> {
            try {
              threads
                  .submit(() -> pool.usedBytes() + (pool.owns(1) ? 1 : 0))
                  .get(60, TimeUnit.SECONDS);
            } catch (InterruptedException | ExecutionException | TimeoutException e) {
              throw new IllegalStateException("The lock is held", e);
            }
          };
      registrar.onRegister = look;
      registrar.onUnregister = look;
      MemorySegment block = pool.allocate(10);
      pool.free(block.address(), 10);
      assertThat(registrar.unregisterCount).hasValue(1);
      pool.allocate(2 * MIB);
    }
  }

  @Test
  void memoryOutlivesWhatIsInFlight() throws Exception {
    try (ExecutorService threads = Executors.newCachedThreadPool();
        MemoryPool pool = small(8 * MIB)) {
      MemorySegment block = pool.allocate(2 * MIB);
      Region region = registrar.table.inOrder().getFirst();
      assertThat(region.acquire()).isTrue();
      var unregistering = new CountDownLatch(1);
      registrar.onUnregister = unregistering::countDown;

      Future<?> free = threads.submit(() -> pool.free(block.address(), 2 * MIB));
      await(unregistering);
      block.fill((byte) 3);
      assertThat(free.isDone()).isFalse();
      assertThat(pool.poolCount()).isZero();
      assertThatThrownBy(() -> pool.free(block.address(), 2 * MIB))
          .isInstanceOf(TransferException.class);

      region.release();
      free.get(60, TimeUnit.SECONDS);
      assertThat(block.scope().isAlive()).isFalse();
      assertThat(pool.reservedBytes()).isZero();
    }
  }

  @Test
  void aRequestWaitsForAPoolThatIsBeingReturned() throws Exception {
    try (ExecutorService threads = Executors.newCachedThreadPool();
        MemoryPool pool = small(2 * MIB)) {
      MemorySegment block = pool.allocate(2 * MIB);
      var unregistering = new CountDownLatch(1);
      var mayGoOn = new CountDownLatch(1);
      registrar.onUnregister =
          () -> {
            unregistering.countDown();
            await(mayGoOn);
          };
      Future<?> free = threads.submit(() -> pool.free(block.address(), 2 * MIB));
      await(unregistering);
      Future<MemorySegment> next = threads.submit(() -> pool.allocate(2 * MIB));
      assertThatThrownBy(() -> next.get(50, TimeUnit.MILLISECONDS))
          .isInstanceOf(TimeoutException.class);
      mayGoOn.countDown();
      free.get(60, TimeUnit.SECONDS);
      assertThat(next.get(60, TimeUnit.SECONDS).byteSize()).isEqualTo(2 * MIB);
    }
  }

  @Test
  void closeWhileAPoolIsBeingMadeLeavesNothing() throws Exception {
    MemoryPool pool = small(8 * MIB);
    var registering = new CountDownLatch(1);
    var mayGoOn = new CountDownLatch(1);
    registrar.onRegister =
        () -> {
          registering.countDown();
          await(mayGoOn);
        };
    try (ExecutorService threads = Executors.newCachedThreadPool()) {
      Future<?> allocation = threads.submit(() -> pool.allocate(10));
      await(registering);
      Future<?> waiting = threads.submit(() -> pool.allocate(10));
      Future<?> close = threads.submit(pool::close);
      assertThatThrownBy(() -> waiting.get(60, TimeUnit.SECONDS))
          .hasRootCauseInstanceOf(TransferException.class)
          .hasMessageContaining("closed");
      mayGoOn.countDown();
      close.get(60, TimeUnit.SECONDS);
      assertThatThrownBy(() -> allocation.get(60, TimeUnit.SECONDS))
          .hasRootCauseInstanceOf(TransferException.class)
          .hasMessageContaining("closed");
    }
    assertThat(pool.reservedBytes()).isZero();
    assertThat(pool.usedBytes()).isZero();
    assertThat(registrar.table.size()).isZero();
  }
}
