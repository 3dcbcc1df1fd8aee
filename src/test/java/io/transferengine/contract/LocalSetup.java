// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.EngineCore;
import io.transferengine.transport.TransportProvider;
import io.transferengine.transport.local.HeldMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Copies between engines of one process, by its number: to the kernel it is as any other. */
final class LocalSetup extends TransportSetup {
  private final HeldMemory memory = new HeldMemory();
  private final long seed;

  /** Which engines have their large registration on a device; null if none has a device. */
  private final @Nullable Predicate<String> onDevice;

  private final Map<String, SimulatedDevices> drivers = new ConcurrentHashMap<>();

  /** What drivers share of memory, as between processes. */
  private @Nullable Path folder;

  private final Map<String, HeldMemory.Provider> providers = new ConcurrentHashMap<>();

  LocalSetup() {
    this(0, null);
  }

  /** The same with the large registration of some engines on a device; the others use one. */
  LocalSetup(long seed, @Nullable Predicate<String> onDevice) {
    super("", Map.of("TE_LOCAL", "required"));
    this.seed = seed;
    this.onDevice = onDevice;
  }

  private synchronized SimulatedDevices driver(String engine) {
    if (folder == null) {
      try {
        folder = Files.createTempDirectory("te-contract");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    Path shared = folder;
    return drivers.computeIfAbsent(
        engine, _ -> new SimulatedDevices(seed, 1, 64 << 20, SimulatedIpc.in(shared)));
  }

  private boolean isOnDevice(String engine) {
    return onDevice != null && onDevice.test(engine);
  }

  @Override
  Devices gpus(String engine) {
    return onDevice == null ? super.gpus(engine) : new Devices(() -> driver(engine));
  }

  @Override
  String mainLocation(String engine) {
    return isOnDevice(engine) ? "cuda:0" : super.mainLocation(engine);
  }

  @Override
  long deviceAddress(String engine, MemorySegment contents) {
    return isOnDevice(engine) ? driver(engine).memory(0, contents) : 0;
  }

  /** One that uses no device has none copy for its host memory. */
  @Override
  void prepare(String engine, EngineCore opened) {
    if (onDevice != null && !isOnDevice(engine)) {
      var _ = opened.memory().register(driver(engine).memory(0, 4096), 4096, "cuda:0");
    }
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
    drivers.values().forEach(each -> each.stallAfter(bytes));
  }

  @Override
  boolean isStalled() {
    return memory.isStalled() || drivers.values().stream().anyMatch(SimulatedDevices::isStalled);
  }

  @Override
  void resume() {
    memory.resume();
    drivers.values().forEach(SimulatedDevices::resume);
  }

  @Override
  void kill(String engine) {
    HeldMemory.Provider provider = providers.get(engine);
    if (provider != null) {
      provider.die();
    }
  }

  @Override
  public void close() {
    for (SimulatedDevices each : drivers.values()) {
      // A slot that was not given back would keep it pinned.
      assertThat(each.open()).isEmpty();
      each.close();
    }
    if (folder != null) {
      try (Stream<Path> files = Files.list(folder)) {
        List<Path> left = files.toList();
        // Memory that is open says so by a file beside it.
        assertThat(left).noneMatch(each -> each.toString().contains("-open-"));
        for (Path each : left) {
          Files.delete(each);
        }
        Files.delete(folder);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }
}
