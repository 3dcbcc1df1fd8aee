// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import io.transferengine.transport.TransportProvider;
import io.transferengine.transport.local.HeldMemory;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Copies between engines of one process, by its number: to the kernel it is as any other. */
final class LocalSetup extends TransportSetup {
  private final HeldMemory memory = new HeldMemory();
  private final Map<String, HeldMemory.Provider> providers = new ConcurrentHashMap<>();

  LocalSetup() {
    super("", Map.of("TE_LOCAL", "required"));
  }

  HeldMemory memory() {
    return memory;
  }

  @Override
  TransportProvider provider(String engine) {
    return providers.computeIfAbsent(engine, _ -> memory.provider());
  }

  @Override
  void stallAfter(long bytes) {
    memory.stallAfter(bytes);
  }

  @Override
  boolean isStalled() {
    return memory.isStalled();
  }

  @Override
  void resume() {
    memory.resume();
  }

  @Override
  void kill(String engine) {
    HeldMemory.Provider provider = providers.get(engine);
    if (provider != null) {
      provider.die();
    }
  }

  @Override
  public void close() {}
}
