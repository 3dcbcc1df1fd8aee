// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.util.List;

/**
 * The memory of a member: two registered ranges, with unregistered bytes before, between and behind
 * them.
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

  private Layout() {}
}
