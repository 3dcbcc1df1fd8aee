// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

/** How many pools of other engines an engine maps, and how large they are. Thread-safe. */
final class PoolRoom {
  /** Each is a mapping, of which a process has 65,530 (vm.max_map_count). */
  static final int POOLS = 4096;

  /** Address space, and a 500th of it as page tables. */
  static final long BYTES = 1L << 40;

  private final int mostPools;
  private final long mostBytes;

  // Guarded by this.
  private int pools;
  private long bytes;

  PoolRoom() {
    this(POOLS, BYTES);
  }

  PoolRoom(int mostPools, long mostBytes) {
    this.mostPools = mostPools;
    this.mostBytes = mostBytes;
  }

  /** {@return whether one more has room, which is taken then} */
  synchronized boolean take(long wanted) {
    boolean fits = pools < mostPools && wanted > 0 && wanted <= mostBytes - bytes;
    if (fits) {
      pools++;
      bytes += wanted;
    }
    return fits;
  }

  synchronized void give(long taken) {
    pools--;
    bytes -= taken;
  }

  synchronized int pools() {
    return pools;
  }
}
