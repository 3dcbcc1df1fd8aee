// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.Allocation;
import io.transferengine.Engine;
import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Managed memory that a member offers: all of one pool, in blocks. A block that is taken back is
 * freed, and its place handed out to somebody else, who wants less of it. Not thread-safe.
 */
final class ManagedParts implements AutoCloseable {
  /** What a descriptor of a pool leads to. */
  private static final String POOL = "/memfd:te-pool";

  /** Nobody offers it. */
  private static final int REST_OFFSET = 3 << 20;

  private final Engine engine;
  private final Map<Integer, Allocation> blocks = new HashMap<>();
  private final Arena arena = Arena.ofShared();
  private final long base;
  private final int descriptor;
  private final MemorySegment memory;

  /** Allocates all. */
  ManagedParts(Engine engine) {
    this.engine = engine;
    try {
      Layout.Part first = Layout.registered(true).getFirst();
      Allocation begin = engine.allocate(first.length());
      blocks.put(first.offset(), begin);
      base = begin.address() - first.offset();
      for (Layout.Part part : Layout.registered(true)) {
        admit(part);
      }
      put(REST_OFFSET, Layout.MANAGED_BYTES - REST_OFFSET);
      descriptor = poolDescriptor();
      memory = map("self", descriptor, arena);
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
  }

  private void put(int offset, int length) {
    Allocation block = engine.allocate(length);
    blocks.put(offset, block);
    if (block.address() != base + offset) {
      throw CommandException.failed(
          "A block of %d bytes is at 0x%x and not at 0x%x, although all others are in use"
              .formatted(length, block.address(), base + offset));
    }
  }

  private static int poolDescriptor() {
    List<Path> pools =
        ProcFiles.entries(Path.of("/proc/self/fd")).stream().filter(ManagedParts::isPool).toList();
    if (pools.size() != 1) {
      throw CommandException.failed("There is not one pool: " + pools);
    }
    return Integer.parseInt(pools.getFirst().getFileName().toString());
  }

  private static boolean isPool(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith(POOL);
    } catch (IOException e) {
      return false; // Closed meanwhile.
    }
  }

  /**
   * {@return a view of a pool} It stays when blocks are freed, and when the process is killed.
   *
   * @param process its number, or "self"
   */
  static MemorySegment map(String process, int descriptor, Arena arena) {
    Path link = Path.of("/proc", process, "fd", Integer.toString(descriptor));
    try (FileChannel pool =
        FileChannel.open(link, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return pool.map(FileChannel.MapMode.READ_WRITE, 0, Layout.MANAGED_BYTES, arena);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return where it begins, for peers} */
  long base() {
    return base;
  }

  int descriptor() {
    return descriptor;
  }

  MemorySegment memory() {
    return memory;
  }

  /** Frees a part; when it returns, its place is another's. */
  void refuse(Layout.Part part) {
    free(part);
    put(part.offset(), Layout.keptBytes(part));
  }

  /** Offers all of a part, if it is not. */
  void admit(Layout.Part part) {
    Allocation block = blocks.get(part.offset());
    if (block == null || block.length() != part.length()) {
      free(part);
      put(part.offset(), part.length());
    }
  }

  private void free(Layout.Part part) {
    Allocation block = blocks.remove(part.offset());
    if (block != null) {
      block.close();
    }
  }

  /** When the engine is closed, which has all blocks back. */
  @Override
  public void close() {
    arena.close();
  }
}
