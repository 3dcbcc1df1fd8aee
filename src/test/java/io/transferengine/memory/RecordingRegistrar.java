// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.testkit.Mapped;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/** A registrar over a real {@link RegionTable}, as the engine has one, that tests can look into. */
final class RecordingRegistrar implements RegionRegistrar {
  final RegionTable table = new RegionTable();
  final AtomicInteger registerCount = new AtomicInteger();
  final AtomicInteger unregisterCount = new AtomicInteger();

  /** Run inside the calls, on the calling thread, before anything else. */
  volatile Runnable onRegister = () -> {};

  volatile Runnable onUnregister = () -> {};

  @Override
  public Region register(
      MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
    registerCount.incrementAndGet();
    onRegister.run();
    return table.register(slab, source, rights, live);
  }

  @Override
  public @Nullable Region leftOf(long address, LiveBlocks blocks) {
    Region there = table.byAddress(address);
    return there != null && there.isPoolOf(blocks) ? there : null;
  }

  @Override
  public void unregister(Region region) {
    unregisterCount.incrementAndGet();
    onUnregister.run();
    region.refuse();
    try {
      if (!region.awaitIdle(Duration.ofSeconds(30))) {
        throw new IllegalStateException("Still in flight: " + region);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    // The memory must still be there: this would end the JVM, or throw, if it were not.
    MemorySegment memory = Mapped.at(region.address(), region.length());
    memory.set(ValueLayout.JAVA_BYTE, region.length() - 1, (byte) 1);
    table.remove(region);
  }
}
