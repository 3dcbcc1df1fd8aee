// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.cli.faults.FullHeap;
import org.jspecify.annotations.Nullable;

/**
 * Closes a pool of several pieces while the heap is full, again and again with a little more of it.
 * Ends with 1, and says what, if anything is left of a pool.
 */
final class FullHeapCloseMain {
  private static final int POOL_BYTES = 1 << 16;
  private static final int ROUNDS = 20;

  private FullHeapCloseMain() {}

  /** Needs no memory itself. */
  private static final class Registrar implements RegionRegistrar {
    final RegionTable table = new RegionTable();
    int registered;

    @Override
    public Region register(
        MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
      Region region = table.register(slab, source, rights, live);
      registered++;
      return region;
    }

    @Override
    public @Nullable Region leftOf(long address, LiveBlocks blocks) {
      return null;
    }

    @Override
    public void unregister(Region region) {
      region.refuse();
      registered--;
    }
  }

  public static void main(String[] arguments) {
    FullHeap heap = new FullHeap();
    for (int round = -1; round < ROUNDS; round++) {
      Registrar registrar = new Registrar();
      MemoryPool pool =
          new MemoryPool(
              1 << 30,
              new OffHeapSource("*"),
              registrar,
              POOL_BYTES,
              4 * POOL_BYTES,
              System::nanoTime);
      for (int i = 0; i < 10; i++) {
        var _ = pool.allocate(POOL_BYTES);
      }
      // The first round is to load what is loaded once.
      if (round >= 0) {
        heap.fill();
        var _ = heap.release(round);
      }
      Throwable thrown = null;
      try {
        pool.close();
      } catch (Throwable t) {
        thrown = t;
      }
      heap.release();
      if (registrar.registered != 0 || pool.poolCount() != 0 || pool.reservedBytes() != 0) {
        System.out.printf(
            "With %d pieces: %d registrations, %d pools, %d bytes left, %s%n",
            round, registrar.registered, pool.poolCount(), pool.reservedBytes(), thrown);
        System.exit(1);
      }
    }
    System.exit(0);
  }
}
