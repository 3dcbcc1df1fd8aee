// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What one launch of the kernel copies, in pinned memory, where the device reads it: three columns
 * of 8 bytes each, sources, targets and lengths, each as long as there are pieces. The driver's
 * call for many copies takes the same columns. In use until its launch is over. For one thread.
 */
final class CopyTable implements AutoCloseable {
  /** One block of threads copies a piece; so a large range has several at work. */
  private static final int PIECE_BYTES = 64 << 10;

  private static final int COLUMNS = 3;

  /** Each range has one piece more than it is whole pieces long, at most. */
  private static final int PIECES_LIMIT =
      CopyList.RANGES_LIMIT + CopyList.BYTES_LIMIT / PIECE_BYTES;

  private final DeviceLibrary library;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment memory;
  private int count;

  /** Pins memory for it. */
  CopyTable(DeviceLibrary library) {
    this.library = library;
    try {
      memory = arena.allocate((long) COLUMNS * PIECES_LIMIT * JAVA_LONG.byteSize(), 4096);
      library.pin(memory.address(), memory.byteSize());
    } catch (Throwable t) {
      arena.close();
      throw t;
    }
  }

  /** Fills it with the pieces of a list. */
  void fill(CopyList list, long host, boolean out) {
    count = 0;
    for (int i = 0; i < list.count(); i++) {
      count += (int) ((list.length(i) + PIECE_BYTES - 1) / PIECE_BYTES);
    }
    long at = host;
    int piece = 0;
    for (int i = 0; i < list.count(); i++) {
      for (long done = 0; done < list.length(i); done += PIECE_BYTES) {
        long length = Math.min(PIECE_BYTES, list.length(i) - done);
        long device = list.address(i) + done;
        memory.setAtIndex(JAVA_LONG, piece, out ? device : at);
        memory.setAtIndex(JAVA_LONG, (long) count + piece, out ? at : device);
        memory.setAtIndex(JAVA_LONG, 2L * count + piece, length);
        at += length;
        piece++;
      }
    }
  }

  /** Fills it with the pieces of a list. */
  void fill(PairList list) {
    count = 0;
    for (int i = 0; i < list.count(); i++) {
      count += (int) ((list.length(i) + PIECE_BYTES - 1) / PIECE_BYTES);
    }
    int piece = 0;
    for (int i = 0; i < list.count(); i++) {
      for (long done = 0; done < list.length(i); done += PIECE_BYTES) {
        memory.setAtIndex(JAVA_LONG, piece, list.source(i) + done);
        memory.setAtIndex(JAVA_LONG, (long) count + piece, list.target(i) + done);
        memory.setAtIndex(
            JAVA_LONG, 2L * count + piece, Math.min(PIECE_BYTES, list.length(i) - done));
        piece++;
      }
    }
  }

  /** {@return the number of pieces} */
  int count() {
    return count;
  }

  /** {@return where it begins} */
  long address() {
    return memory.address();
  }

  MemorySegment sources() {
    return column(0);
  }

  MemorySegment targets() {
    return column(1);
  }

  MemorySegment lengths() {
    return column(2);
  }

  private MemorySegment column(int index) {
    long bytes = count * JAVA_LONG.byteSize();
    return memory.asSlice(index * bytes, bytes);
  }

  /** Only once nothing is under way with it. Unless it can be unpinned the memory stays. */
  @Override
  public void close() {
    library.unpin(memory.address());
    arena.close();
  }
}
