// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.transfer.BlockColumns;
import org.jspecify.annotations.Nullable;

/** How much of what a transfer has moved lies in memory of devices on our side. */
final class DeviceBytes {
  private DeviceBytes() {}

  /**
   * {@return how many bytes of blocks are in registrations of device memory, at most as many as
   * were moved} Looks at blocks only if there has been such a registration. One that has ended
   * since the transfer ended is not found.
   */
  static long of(RegionTable regions, BlockColumns blocks, long moved) {
    if (moved == 0 || !regions.hasDevices()) {
      return 0;
    }
    long bytes = 0;
    Region last = null;
    for (int i = 0; i < blocks.count() && bytes < moved; i++) {
      long length = blocks.length(i);
      last = covering(last, regions, blocks.local(i), length);
      if (last != null && !last.kind().isHost()) {
        bytes += length;
      }
    }
    return Math.min(bytes, moved);
  }

  /** Blocks in a row are mostly in the same one. */
  private static @Nullable Region covering(
      @Nullable Region last, RegionTable regions, long address, long length) {
    return last != null && last.covers(address, length) ? last : regions.find(address, length);
  }
}
