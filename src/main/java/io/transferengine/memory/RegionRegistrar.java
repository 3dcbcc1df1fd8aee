// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import org.jspecify.annotations.Nullable;

/**
 * How a {@link MemoryPool} makes its memory known to transfers and takes it back. The engine
 * implements it. To register and to unregister may take seconds; they are called without any lock
 * of the pool.
 */
public interface RegionRegistrar {
  /**
   * Registers all of a slab.
   *
   * @param slab valid until {@link #unregister} of the result has returned
   * @param source where it comes from, which says what memory it is
   * @param rights what peers may do with all of it
   * @param live says which parts of it are handed out: only they may be used
   */
  Region register(
      MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live);

  /**
   * {@return what is left of a registration that threw, and could not be undone either; null when
   * nothing is} It has to be unregistered before the memory is given up. Needs no memory.
   *
   * @param address that the memory begins at
   * @param live as given to {@link #register}
   */
  @Nullable Region leftOf(long address, LiveBlocks live);

  /**
   * Ends the registration. When this returns, nothing touches the memory any more and nothing new
   * will: the pool frees it next. When it throws, the pool keeps the memory, and calls again later.
   */
  void unregister(Region region);
}
