// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.memory.MemoryKind;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;

/**
 * Which kinds of memory the blocks of a transfer are moved between. A transport fits a transfer if
 * it moves between the two kinds of every pair. Immutable.
 *
 * @param pairs each pair that occurs, once
 */
public record MemoryPairs(Set<Pair> pairs) {

  /**
   * The kinds at both ends of a block.
   *
   * @param local of our memory
   * @param peer of the peer's memory
   */
  public record Pair(MemoryKind local, MemoryKind peer) {}

  private static final MemoryPairs HOST =
      new MemoryPairs(Set.of(new Pair(MemoryKind.host(), MemoryKind.host())));

  /** Copies the set. */
  public MemoryPairs {
    pairs = Set.copyOf(pairs);
  }

  /** {@return the pairs of a transfer that stays in host memory on both sides} */
  public static MemoryPairs hostOnly() {
    return HOST;
  }

  /**
   * {@return whether there is a pair that a transport moves between}
   *
   * @param moves what the transport says of a kind of ours and one of the peer's
   */
  public boolean isAnyMoved(BiPredicate<MemoryKind, MemoryKind> moves) {
    for (Pair each : pairs) {
      if (moves.test(each.local, each.peer)) {
        return true;
      }
    }
    return false;
  }

  /**
   * {@return a pair that a transport does not move between; empty if it moves all}
   *
   * @param moves what the transport says of a kind of ours and one of the peer's
   */
  public Optional<Pair> notMoved(BiPredicate<MemoryKind, MemoryKind> moves) {
    // Asked for each transfer: a stream would be most of what a small one allocates.
    for (Pair each : pairs) {
      if (!moves.test(each.local, each.peer)) {
        return Optional.of(each);
      }
    }
    return Optional.empty();
  }
}
