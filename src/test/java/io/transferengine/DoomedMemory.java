// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A mapped file whose pages can be taken away. */
final class DoomedMemory implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final FileChannel file;
  final MemorySegment segment;

  DoomedMemory(Path folder, long bytes) throws IOException {
    file =
        FileChannel.open(
            folder.resolve("doomed"),
            StandardOpenOption.CREATE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    segment = file.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
  }

  void truncate() throws IOException {
    file.truncate(0);
  }

  @Override
  public void close() throws IOException {
    file.close();
    arena.close();
  }
}
