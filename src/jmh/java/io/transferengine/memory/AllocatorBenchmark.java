// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.transferengine.access.AccessRights;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A block is taken and given back, by one thread, from allocators that are in use: in each, some
 * hundreds of blocks of mixed sizes are taken for good, so that it has to look for a place.
 *
 * <p>They do not do the same. {@code pool} is what the engine hands out: registered memory, each
 * block known by its address, freed by anybody; {@code buddy} is the arithmetic inside of it.
 * Netty's hands out counted buffers, and may keep them in a cache of this thread, which by default
 * only Netty's own threads have. A confined arena asks malloc and clears the block: with 1 MiB the
 * clearing is what is measured.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(2)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Thread)
public class AllocatorBenchmark {
  private static final int TAKEN = 400;

  /** Of the smallest block's size; the largest is 128 KiB, so that 64 MiB have room for all. */
  private static final int TAKEN_MAX_SHIFT = 5;

  @Param({"16384", "1048576"})
  int bytes;

  private final BuddyAllocator buddy = new BuddyAllocator(MemoryPool.FIRST_POOL_BYTES);
  private final MemoryPool pool =
      new MemoryPool(1L << 30, new OffHeapSource("*"), new FakeRegistrar());
  private final PooledByteBufAllocator netty =
      new PooledByteBufAllocator(
          true,
          PooledByteBufAllocator.defaultNumHeapArena(),
          PooledByteBufAllocator.defaultNumDirectArena(),
          PooledByteBufAllocator.defaultPageSize(),
          PooledByteBufAllocator.defaultMaxOrder(),
          PooledByteBufAllocator.defaultSmallCacheSize(),
          PooledByteBufAllocator.defaultNormalCacheSize(),
          true);
  private final ByteBuf[] taken = new ByteBuf[TAKEN];

  /** Registers nothing, as a device would that costs nothing. */
  private static final class FakeRegistrar implements RegionRegistrar {
    private final RegionTable table = new RegionTable();

    @Override
    public Region register(
        MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
      return table.register(slab, source, rights, live);
    }

    @Override
    public @Nullable Region leftOf(long address, LiveBlocks live) {
      return null;
    }

    @Override
    public void unregister(Region region) {
      table.remove(region);
    }
  }

  /** Takes blocks for good, every second one of those that were tried. */
  @Setup
  public void take() {
    Random random = new Random(7);
    for (int i = 0; i < TAKEN; i++) {
      int length = (int) BuddyAllocator.SMALLEST_BLOCK_BYTES << random.nextInt(TAKEN_MAX_SHIFT);
      long offset = buddy.allocate(length);
      MemorySegment block = pool.allocate(length);
      taken[i] = netty.directBuffer(length);
      if (offset < 0) {
        throw new IllegalStateException("The buddy allocator is full");
      }
      if (random.nextBoolean()) {
        buddy.free(offset, length);
        pool.free(block.address(), length);
        taken[i].release();
        taken[i] = netty.directBuffer(16);
      }
    }
  }

  /** Gives back what has memory. */
  @TearDown
  public void giveBack() {
    for (ByteBuf each : taken) {
      each.release();
    }
    pool.close();
  }

  /** Offsets only: the decision which part of the pool is given. */
  @Benchmark
  public BuddyAllocator.FreeResult buddy() {
    return buddy.free(buddy.allocate(bytes), bytes);
  }

  /** What {@code allocateManagedBuffer} and {@code freeManagedBuffer} call. */
  @Benchmark
  public long pool() {
    long address = pool.allocate(bytes).address();
    pool.free(address, bytes);
    return address;
  }

  /** Netty's pool; 16 KiB come from the thread's cache, 1 MiB is beyond what it keeps. */
  @Benchmark
  public boolean netty() {
    return netty.directBuffer(bytes, bytes).release();
  }

  /** The JDK's way, without a pool. */
  @Benchmark
  public long arena() {
    try (Arena arena = Arena.ofConfined()) {
      return arena.allocate(bytes, 64).address();
    }
  }
}
