// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Which requests of a transfer were sent again because their bytes did not arrive as they were
 * sent: each may be, once. Thread-safe.
 */
public final class Repeats {
  /** More of one transfer are no accidents, and to remember them takes memory. */
  private static final int LIMIT = 1024;

  /** Null until there is one: nearly every transfer has none. */
  private @Nullable Set<Long> remotes;

  /** None yet. */
  Repeats() {}

  /** {@return whether the request to this address of the peer's may be sent again} True once. */
  public synchronized boolean take(long remote) {
    Set<Long> known = remotes;
    if (known == null) {
      known = new HashSet<>();
      remotes = known;
    }
    return known.size() < LIMIT && known.add(remote);
  }
}
