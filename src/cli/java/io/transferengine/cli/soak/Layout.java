// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.util.List;

/**
 * The memory of a member: two registered ranges, with unregistered bytes before, between and behind
 * them; or, in managed memory, two blocks that are handed out, and others behind them.
 */
final class Layout {
  /** A registered range, as offsets in the memory. */
  record Part(int offset, int length) {}

  private static final int PAGE_BYTES = 4096;

  static final List<Part> REGISTERED =
      List.of(
          new Part(PAGE_BYTES, 2 << 20),
          new Part(2 * PAGE_BYTES + (2 << 20) + 512, (1 << 20) - 512));

  static final int ALL_BYTES = 3 * PAGE_BYTES + (3 << 20);

  /** Blocks of managed memory, in the order in which they are allocated; the rest is another's. */
  private static final List<Part> MANAGED =
      List.of(new Part(0, 2 << 20), new Part(2 << 20, (1 << 20) - 512));

  /** All that the engine has of it: so what is freed is what is handed out next. */
  static final int MANAGED_BYTES = 4 << 20;

  /** {@return what peers may use} */
  static List<Part> registered(boolean managed) {
    return managed ? MANAGED : REGISTERED;
  }

  /** {@return the bytes of all} */
  static int allBytes(boolean managed) {
    return managed ? MANAGED_BYTES : ALL_BYTES;
  }

  /** {@return how long the block is that is handed out in place of a part that is taken back} */
  static int keptBytes(Part part) {
    return part.length() / 8 * 5; // More than half: as large a place.
  }

  /** {@return what is refused of a managed part that is taken back} The place is another's. */
  static Part rest(Part part) {
    int kept = keptBytes(part);
    return new Part(part.offset() + kept, part.length() - kept);
  }

  private Layout() {}
}
