// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.memory.BuddyAllocator;
import io.transferengine.memory.LiveBlocks;
import io.transferengine.os.Processes;
import org.jspecify.annotations.Nullable;

/** The tables of our pools, in our area. For one thread at a time. */
final class BlockTables {
  private final Area area;
  private final Rounds rounds;

  /** Made with the first pool. */
  private @Nullable BuddyAllocator room;

  BlockTables(Area area, Leases leases, Processes processes) {
    this.area = area;
    this.rounds = new Rounds(area, leases, processes);
  }

  /** {@return a table for a pool of which nothing is handed out; null if there is no more room} */
  @Nullable BlockTable take(LiveBlocks blocks) {
    BuddyAllocator from = room;
    if (from == null) {
      from = new BuddyAllocator(AreaLayout.TABLES_BYTES);
      room = from;
    }
    long bytes = blocks.places() * (long) Long.BYTES;
    long offset = from.allocate(bytes);
    if (offset < 0) {
      return null;
    }
    try {
      return new BlockTable(blocks, area.table(offset, blocks.places()), offset, rounds);
    } catch (Throwable t) {
      var _ = from.free(offset, bytes);
      throw t;
    }
  }

  /** Takes one back that no peer looks at any more. Takes no memory. */
  void give(BlockTable table) {
    table.end();
    BuddyAllocator from = room;
    if (from != null) {
      var _ = from.free(table.offsetInTables(), table.bytes());
    }
  }

  /** No copy is under way any more, and none begins. */
  void end() {
    rounds.end();
  }
}
