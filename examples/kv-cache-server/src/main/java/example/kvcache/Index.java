// SPDX-License-Identifier: Apache-2.0
package example.kvcache;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * What the server has, as a table that clients read without asking it. A key may be in one of
 * {@link #WINDOW} places, so one read of {@link #WINDOW_BYTES} tells where its value is.
 *
 * <p>Nobody locks the table. A client may read an entry that is just being replaced, or a value
 * that is just being dropped. The checksum of the value tells: it is made of the key and of all
 * bytes, so what does not match was not found.
 */
final class Index {
  static final int PLACES = 4096;
  static final int WINDOW = 8;
  static final int ENTRY_BYTES = 4 * Long.BYTES;
  static final int WINDOW_BYTES = WINDOW * ENTRY_BYTES;

  /** The last window begins at the last place. */
  static final int BYTES = (PLACES + WINDOW) * ENTRY_BYTES;

  private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG;

  private Index() {}

  /** Where a value is. A key of 0 is a free place. */
  record Entry(long key, long address, long length, long checksum) {}

  /** The offset in the table at which the window of a key begins. */
  static long window(long key) {
    return (long) ENTRY_BYTES * Math.floorMod(key ^ key >>> 32, PLACES);
  }

  static Entry read(MemorySegment table, long offset) {
    return new Entry(
        table.get(LONG, offset),
        table.get(LONG, offset + 8),
        table.get(LONG, offset + 16),
        table.get(LONG, offset + 24));
  }

  static void write(MemorySegment table, long offset, Entry entry) {
    table.set(LONG, offset, 0);
    table.set(LONG, offset + 8, entry.address());
    table.set(LONG, offset + 16, entry.length());
    table.set(LONG, offset + 24, entry.checksum());
    table.set(LONG, offset, entry.key());
  }

  /** The entry of a key in its window, if it is there. */
  static Optional<Entry> find(MemorySegment window, long key) {
    for (long offset = 0; offset < WINDOW_BYTES; offset += ENTRY_BYTES) {
      Entry entry = read(window, offset);
      if (entry.key() == key) {
        return Optional.of(entry);
      }
    }
    return Optional.empty();
  }
}
