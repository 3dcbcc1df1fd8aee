// SPDX-License-Identifier: Apache-2.0
package example.jlama;

import com.github.tjake.jlama.tensor.AbstractTensor;
import com.github.tjake.jlama.tensor.KvBufferCache.KvBuffer;
import io.transferengine.Engine;
import io.transferengine.Registration;
import io.transferengine.RegistrationOptions;
import io.transferengine.access.AccessRights;
import io.transferengine.transfer.BlockColumns;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.zip.CRC32C;

/**
 * Where the keys and values of some positions lie in Jlama's memory.
 *
 * <p>Jlama keeps them in pages outside the heap. A page is an array {@code
 * [layers][2][positions][numbers]}, the 2 for keys and values. For each layer, keys and values are
 * handed out as one tensor per page, which is memory in one piece: a part. Both nodes list their
 * parts in the same order, so a number says which parts belong together.
 */
final class KvPages {
  private final int positions;
  private final int pages;
  private final List<MemorySegment> parts = new ArrayList<>();
  private final int pagePositions;
  private final long positionBytes;

  /** Has Jlama make the pages for so many positions. */
  KvPages(KvBuffer cache, int layers, int positions) {
    this.positions = positions;
    int last = positions - 1;
    AbstractTensor<?, ?>[] any = cache.getKeyTensorsUptoPosition(0, last);
    pages = any.length;
    pagePositions = any[0].shape().first();
    positionBytes = any[0].getMemorySegment().byteSize() / pagePositions;
    for (int layer = 0; layer < layers; layer++) {
      for (AbstractTensor<?, ?> keys : cache.getKeyTensorsUptoPosition(layer, last)) {
        parts.add(keys.getMemorySegment());
      }
      for (AbstractTensor<?, ?> values : cache.getValTensorsUptoPosition(layer, last)) {
        parts.add(values.getMemorySegment());
      }
    }
  }

  /** The number of bytes of all positions. */
  long bytes() {
    return used().stream().mapToLong(MemorySegment::byteSize).sum();
  }

  /** A checksum of the bytes of all positions. */
  long checksum() {
    CRC32C checksum = new CRC32C();
    used().forEach(part -> checksum.update(part.asByteBuffer()));
    return checksum.getValue();
  }

  /** The parts, as far as there are positions in them. */
  List<MemorySegment> used() {
    List<MemorySegment> used = new ArrayList<>();
    for (int part = 0; part < parts.size(); part++) {
      int count = Math.min(positions - part % pages * pagePositions, pagePositions);
      used.add(parts.get(part).asSlice(0, count * positionBytes));
    }
    return used;
  }

  /** The address of each part. */
  long[] addresses() {
    return parts.stream().mapToLong(MemorySegment::address).toArray();
  }

  /**
   * Registers all memory. What peers may do with it is for them only. Parts that are neighbours, as
   * those of a page, are one registration.
   */
  List<Registration> register(Engine engine, AccessRights rights) {
    RegistrationOptions options = RegistrationOptions.DEFAULT.withRights(rights);
    List<MemorySegment> sorted = new ArrayList<>(parts);
    sorted.sort(Comparator.comparingLong(MemorySegment::address));
    List<Registration> registrations = new ArrayList<>();
    long start = sorted.getFirst().address();
    long end = start;
    for (MemorySegment part : sorted) {
      if (part.address() != end) {
        registrations.add(engine.register(start, end - start, options));
        start = part.address();
      }
      end = part.address() + part.byteSize();
    }
    registrations.add(engine.register(start, end - start, options));
    return registrations;
  }

  /**
   * The blocks of a layer's keys and values for the positions {@code from} to {@code to} without
   * the latter.
   *
   * @param remote the addresses of the peer's parts
   */
  BlockColumns blocks(int layer, int from, int to, long[] remote) {
    List<BlockColumns> blocks = new ArrayList<>();
    for (int half = 0; half < 2; half++) {
      for (int page = from / pagePositions; page * pagePositions < to; page++) {
        int part = (2 * layer + half) * pages + page;
        int begin = Math.max(from, page * pagePositions) - page * pagePositions;
        int end = Math.min(to, (page + 1) * pagePositions) - page * pagePositions;
        long offset = begin * positionBytes;
        blocks.add(
            BlockColumns.of(
                parts.get(part).address() + offset,
                remote[part] + offset,
                (end - begin) * positionBytes));
      }
    }
    return BlockColumns.concat(blocks);
  }
}
