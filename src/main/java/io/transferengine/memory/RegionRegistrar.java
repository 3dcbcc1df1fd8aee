// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.lang.foreign.MemorySegment;

/**
 * How a {@link MemoryPool} makes its memory known to transfers and takes it back. The engine
 * implements it. Both methods may take seconds; they are called without any lock of the pool.
 */
public interface RegionRegistrar {
  /**
   * Registers all of {@code memory}.
   *
   * @param memory native, valid until {@link #unregister} of the result has returned
   * @param location where it is, as published to peers
   * @param blocks says which parts of it are handed out: only they may be used
   */
  Region register(MemorySegment memory, String location, LiveBlocks blocks);

  /**
   * Ends the registration. When this returns, nothing touches the memory any more and nothing new
   * will: the pool frees it next. When it throws, the pool keeps the memory, and calls again later.
   */
  void unregister(Region region);
}
