// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.access.AccessRights;
import io.transferengine.memory.LiveBlocks;
import io.transferengine.memory.MemorySource;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionRegistrar;
import io.transferengine.memory.RegionTable;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Registers managed pools in a table, and offers them to peers on this machine. */
record PoolRegistrar(RegionTable table, Fences fences) implements RegionRegistrar {
  @Override
  public Region register(
      MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
    Region made = table.register(slab, source, rights, live);
    fences.admit(List.of(made));
    return made;
  }

  @Override
  public @Nullable Region leftOf(long address, LiveBlocks live) {
    return null;
  }

  @Override
  public void unregister(Region region) {
    fences.refuse(List.of(region));
    table.remove(region);
  }
}
