// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

import io.transferengine.diagnostics.GpuMemory;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Consumer;

/** What regions of memory hold, for the processor: ranges are looked at and changed in order. */
interface BlockContents {
  /** A range of a region. */
  record Range(int region, long offset, long length) {}

  /** Shows all ranges in order. Parts of a large one come one after the other. */
  void look(List<Range> ranges, Consumer<MemorySegment> eye);

  /** Replaces all ranges in order. Parts of a large one, of whole words, come one after another. */
  void replace(List<Range> ranges, Consumer<MemorySegment> pen);

  /** {@return those of host memory} */
  static BlockContents ofHost(List<MemorySegment> regions) {
    return new BlockContents() {
      @Override
      public void look(List<Range> ranges, Consumer<MemorySegment> eye) {
        for (Range range : ranges) {
          eye.accept(regions.get(range.region()).asSlice(range.offset(), range.length()));
        }
      }

      @Override
      public void replace(List<Range> ranges, Consumer<MemorySegment> pen) {
        look(ranges, pen);
      }
    };
  }

  /** {@return those of a GPU's memory, in which the regions lie one behind the other} */
  static BlockContents ofGpu(GpuMemory memory, long regionBytes) {
    return new BlockContents() {
      @Override
      public void look(List<Range> ranges, Consumer<MemorySegment> eye) {
        inParts(ranges, _ -> {}, () -> eye.accept(memory.load()), memory::clear);
      }

      @Override
      public void replace(List<Range> ranges, Consumer<MemorySegment> pen) {
        inParts(ranges, pen, () -> {}, memory::store);
      }

      private void inParts(
          List<Range> ranges, Consumer<MemorySegment> added, Runnable full, Runnable next) {
        memory.clear();
        for (Range range : ranges) {
          long at = range.region() * regionBytes + range.offset();
          long end = at + range.length();
          while (at < end) {
            long part = Math.min(end - at, GpuMemory.VIEW_BYTES);
            if (!memory.hasRoom(part)) {
              full.run();
              next.run();
            }
            added.accept(memory.add(at, part));
            at += part;
          }
        }
        full.run();
        next.run();
      }
    };
  }
}
