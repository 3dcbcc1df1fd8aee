// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link MemoryPool} gets room for one request.
 *
 * @param bytes from the system, or those of the spare
 * @param isShared as a pool, else as a region of one block
 * @param reuse the spare, when it serves once more
 * @param giveUp the spare, when it has to make room first
 */
record PoolGrowth(
    long bytes, boolean isShared, @Nullable PoolMemory reuse, @Nullable PoolMemory giveUp) {

  /**
   * {@return what to take from the system for a request, null when the limit forbids all}
   *
   * @param lengthBytes of the request
   * @param rights that it is for; a spare of others may make room, but does not serve it
   * @param nextPoolBytes the size of the next pool, as long as the limit has room for it
   * @param largestPoolBytes a request of a larger class gets a region of its own
   * @param room what the limit still allows
   */
  static @Nullable PoolGrowth plan(
      long lengthBytes,
      AccessRights rights,
      long nextPoolBytes,
      long largestPoolBytes,
      long room,
      @Nullable PoolMemory spare) {
    long roomWithoutSpare = room + (spare == null ? 0 : spare.bytes());
    long classBytes = BuddyAllocator.classBytes(lengthBytes);
    if (classBytes <= largestPoolBytes) {
      if (spare != null && spare.rights() == rights && classBytes <= spare.bytes()) {
        return new PoolGrowth(spare.bytes(), true, spare, null);
      }
      long bytes = Math.max(nextPoolBytes, classBytes);
      while (bytes > roomWithoutSpare && bytes > classBytes) {
        bytes >>= 1;
      }
      if (bytes <= roomWithoutSpare) {
        return new PoolGrowth(bytes, true, null, bytes > room ? spare : null);
      }
    }
    return lengthBytes <= roomWithoutSpare
        ? new PoolGrowth(lengthBytes, false, null, lengthBytes > room ? spare : null)
        : null;
  }

  /**
   * {@return the next smaller one, when there is no room for this one; null for the smallest}
   *
   * @param lengthBytes of the request
   */
  @Nullable PoolGrowth less(long lengthBytes) {
    if (!isShared) {
      return null;
    }
    return bytes > BuddyAllocator.classBytes(lengthBytes)
        ? new PoolGrowth(bytes >> 1, true, null, null)
        : new PoolGrowth(lengthBytes, false, null, null);
  }
}
