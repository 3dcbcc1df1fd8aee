// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** How much memory two processes of this command may take. */
public final class MachineMemory {
  /** Share of the available memory; the rest is for two JVMs, sockets and other programs. */
  private static final double AVAILABLE_SHARE = 0.6;

  /**
   * Share of the memory that the JDK allows outside of the heap: by default as much as the heap.
   */
  private static final double DIRECT_SHARE = 0.8;

  private static final long BYTES_PER_KIB = 1024;

  private MachineMemory() {}

  /**
   * {@return the largest size of something that exists {@code copies} times on this machine, and
   * {@code copiesPerProcess} times in one process}
   */
  public static long sizeLimitBytes(int copies, int copiesPerProcess) {
    long direct = (long) (Runtime.getRuntime().maxMemory() * DIRECT_SHARE) / copiesPerProcess;
    OptionalLong available = availableBytes();
    return available.isPresent()
        ? Math.min(direct, (long) (available.getAsLong() * AVAILABLE_SHARE) / copies)
        : direct;
  }

  /** The memory that the machine or its container has left; empty if neither says. */
  public static OptionalLong availableBytes() {
    OptionalLong machine = meminfo("MemAvailable:");
    OptionalLong limit = number(Path.of("/sys/fs/cgroup/memory.max"));
    OptionalLong used = number(Path.of("/sys/fs/cgroup/memory.current"));
    if (machine.isPresent() && limit.isPresent() && used.isPresent()) {
      long left = Math.max(0, limit.getAsLong() - used.getAsLong());
      return OptionalLong.of(Math.min(machine.getAsLong(), left));
    }
    return machine;
  }

  private static OptionalLong meminfo(String key) {
    return lines(Path.of("/proc/meminfo")).stream()
        .filter(line -> line.startsWith(key))
        .map(line -> line.replaceAll("[^0-9]", ""))
        .mapToLong(kib -> Long.parseLong(kib) * BYTES_PER_KIB)
        .findFirst();
  }

  private static OptionalLong number(Path file) {
    return lines(file).stream()
        .filter(line -> line.matches("[0-9]{1,18}"))
        .mapToLong(Long::parseLong)
        .findFirst();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException e) {
      return List.of();
    }
  }
}
