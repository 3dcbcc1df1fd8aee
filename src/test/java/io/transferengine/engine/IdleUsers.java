// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import java.time.Duration;
import java.util.List;

/** Nobody moves bytes; device memory is taken. For tests of {@link LocalMemory} alone. */
class IdleUsers implements LocalMemory.Users {
  @Override
  public void registered(List<Region> regions) {}

  @Override
  public void unregistered(List<Region> regions) {}

  @Override
  public void awaitPublished() {}

  @Override
  public boolean takes(MemoryKind kind) {
    return true;
  }

  @Override
  public String shownTransports() {
    return "nothing";
  }

  @Override
  public boolean drain(long start, long end, Duration grace) {
    return true;
  }
}
