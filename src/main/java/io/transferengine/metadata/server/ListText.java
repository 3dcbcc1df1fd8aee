// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.nio.charset.StandardCharsets;
import java.util.StringJoiner;

/**
 * The text of a list that is sent. It takes room for each item before the next is made: many
 * clients can ask for long lists at once. For one thread.
 */
final class ListText {
  /** Of each list; what is longer takes of a limit for all. */
  static final int FREE_BYTES = 4 << 10;

  /** What a character costs meanwhile: as part of an item, of the text, and of the bytes. */
  private static final int COPIES = 3;

  /** What it costs to have a key in a list of keys. */
  private static final long KEY_BYTES = 8;

  private final HeldBytes.Held held;
  private final StringJoiner joiner;
  private long needed;
  private long taken;

  /**
   * A list without items.
   *
   * @param held what the list holds; the caller closes it
   */
  ListText(HeldBytes.Held held, String separator, String begin, String end) {
    this.held = held;
    joiner = new StringJoiner(separator, begin, end);
  }

  /** {@return the keys, for which it takes room as well} */
  Iterable<String> keys(RecordTable records) throws HttpRefusal {
    need(KEY_BYTES * records.count());
    return records.keys();
  }

  void add(String item) throws HttpRefusal {
    need(COPIES * (item.length() + 1L));
    joiner.add(item);
  }

  private void need(long bytes) throws HttpRefusal {
    needed += bytes;
    long more = needed - FREE_BYTES - taken;
    if (more > 0) {
      held.add(more);
      taken += more;
    }
  }

  /** {@return its bytes, which are all that is held from now on} */
  byte[] bytes() {
    byte[] bytes = joiner.toString().getBytes(StandardCharsets.UTF_8);
    held.keep(Math.max(0, bytes.length - FREE_BYTES));
    return bytes;
  }
}
