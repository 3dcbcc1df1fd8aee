// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.access.AccessRights;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Managed memory of different rights lies in different registrations, under one limit. */
@Timeout(60)
class PoolRightsTest {
  private static final long KIB = 1024;
  private static final long POOL = 64 * KIB;

  private final RecordingRegistrar registrar = new RecordingRegistrar();
  private final AtomicLong nanos = new AtomicLong();
  private MemoryPool pool = limitedTo(1024 * KIB);

  private MemoryPool limitedTo(long limitBytes) {
    return new MemoryPool(
        limitBytes, new OffHeapSource("*"), registrar, POOL, 256 * KIB, nanos::get);
  }

  @AfterEach
  void nothingIsLeft() {
    pool.close();
    assertThat(registrar.table.size()).isZero();
    assertThat(pool.reservedBytes()).isZero();
  }

  private Region regionOf(MemorySegment block) {
    return Objects.requireNonNull(registrar.table.find(block.address(), block.byteSize()));
  }

  private void free(MemorySegment block) {
    pool.free(block.address(), block.byteSize());
  }

  @Test
  void aBlockLiesInARegistrationOfItsRights() {
    for (int round = 0; round < 3; round++) {
      for (AccessRights rights : AccessRights.values()) {
        assertThat(regionOf(pool.allocate(1000, rights)).rights()).isEqualTo(rights);
      }
    }
    assertThat(regionOf(pool.allocate(1000)).rights()).isEqualTo(AccessRights.READ_WRITE);
    assertThat(pool.poolCount()).isEqualTo(3);
    assertThat(pool.reservedBytes()).isEqualTo(3 * POOL);
    assertThat(pool.usedBytes()).isEqualTo(10 * 1000);
  }

  /** One that is larger than any pool. */
  @ParameterizedTest
  @EnumSource
  void aRegistrationOfOneBlockHasItsRights(AccessRights rights) {
    MemorySegment large = pool.allocate(300 * KIB, rights);
    assertThat(regionOf(large).rights()).isEqualTo(rights);
    assertThat(regionOf(large).length()).isEqualTo(300 * KIB);
  }

  @Test
  void poolsGrowForEachOfTheRightsByItself() {
    assertThat(regionOf(pool.allocate(POOL)).length()).isEqualTo(POOL);
    assertThat(regionOf(pool.allocate(POOL)).length()).isEqualTo(2 * POOL);
    assertThat(regionOf(pool.allocate(1, AccessRights.READ_ONLY)).length()).isEqualTo(POOL);
  }

  /** The spare is not cleared: what peers could only write, others would read. */
  @Test
  void theSpareServesItsOwnRightsOnly() {
    MemorySegment secret = pool.allocate(POOL, AccessRights.WRITE_ONLY);
    secret.fill((byte) 7);
    free(secret);
    assertThat(pool.poolCount()).isZero();
    assertThat(pool.reservedBytes()).isEqualTo(POOL);
    for (AccessRights rights : List.of(AccessRights.READ_ONLY, AccessRights.READ_WRITE)) {
      MemorySegment block = pool.allocate(POOL, rights);
      assertThat(block.address()).isNotEqualTo(secret.address());
      assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    }
    assertThat(pool.reservedBytes()).isEqualTo(3 * POOL);
    MemorySegment again = pool.allocate(POOL, AccessRights.WRITE_ONLY);
    assertThat(again.address()).isEqualTo(secret.address());
    assertThat(regionOf(again).rights()).isEqualTo(AccessRights.WRITE_ONLY);
    assertThat(pool.reservedBytes()).isEqualTo(3 * POOL);
  }

  @Test
  void nearTheLimitTheSpareOfOtherRightsMakesRoom() {
    pool = limitedTo(POOL);
    free(pool.allocate(POOL, AccessRights.WRITE_ONLY));
    MemorySegment block = pool.allocate(POOL, AccessRights.READ_ONLY);
    assertThat(regionOf(block).rights()).isEqualTo(AccessRights.READ_ONLY);
    assertThat(block.toArray(ValueLayout.JAVA_BYTE)).containsOnly(0);
    assertThat(pool.reservedBytes()).isEqualTo(POOL);
  }

  @Test
  void theLimitCountsAllRightsTogether() {
    pool = limitedTo(2 * POOL);
    var _ = pool.allocate(100, AccessRights.READ_WRITE);
    MemorySegment other = pool.allocate(100, AccessRights.WRITE_ONLY);
    assertThatThrownBy(() -> pool.allocate(100, AccessRights.READ_ONLY))
        .isInstanceOf(TransferException.class)
        .hasMessageContainingAll(
            "100 bytes requested that peers may only read", "200 in use", "limit " + 2 * POOL)
        .extracting(e -> ((TransferException) e).code())
        .isEqualTo(ErrorCode.MEMORY);
    free(other);
    assertThat(regionOf(pool.allocate(100, AccessRights.READ_ONLY)).rights())
        .isEqualTo(AccessRights.READ_ONLY);
  }

  /** Each block that was freed keeps the mark of its rights; none may come back under others. */
  @Test
  void whatWasFreedIsNeverServedForOtherRights() {
    long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
    System.out.println("PoolRightsTest: replay with -Dseed=" + seed);
    Random random = new Random(seed);
    AccessRights[] all = AccessRights.values();
    List<MemorySegment> blocks = new ArrayList<>();
    for (int step = 0; step < 5000; step++) {
      nanos.addAndGet(random.nextLong(MemoryPool.REST_SECONDS * 200_000_000));
      if (random.nextInt(20) == 0) {
        blocks.forEach(this::free);
        blocks.clear();
      }
      if (!blocks.isEmpty() && random.nextBoolean()) {
        free(blocks.remove(random.nextInt(blocks.size())));
        continue;
      }
      int kind = random.nextInt(all.length);
      AccessRights rights = all[kind];
      MemorySegment block;
      try {
        block = pool.allocate(1 + random.nextInt(40_000), rights);
      } catch (TransferException full) {
        assertThat(full.code()).as("-Dseed=%d", seed).isEqualTo(ErrorCode.MEMORY);
        continue;
      }
      byte mark = (byte) (1 + kind);
      assertThat(regionOf(block).rights()).as("-Dseed=%d", seed).isEqualTo(rights);
      assertThat(block.get(ValueLayout.JAVA_BYTE, 0)).as("-Dseed=%d", seed).isIn((byte) 0, mark);
      assertThat(block.get(ValueLayout.JAVA_BYTE, block.byteSize() - 1))
          .as("-Dseed=%d", seed)
          .isIn((byte) 0, mark);
      block.fill(mark);
      blocks.add(block);
    }
  }
}
