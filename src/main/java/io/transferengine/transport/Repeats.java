// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import java.util.HashSet;
import java.util.Set;

/**
 * Which requests of a transfer were sent again because their bytes did not arrive as they were
 * sent: each may be, once. Thread-safe.
 */
public final class Repeats {
  /** More of one transfer are no accidents, and to remember them takes memory. */
  private static final int LIMIT = 1024;

  private final Set<Long> remotes = new HashSet<>();

  /** None yet. */
  Repeats() {}

  /** {@return whether the request to this address of the peer's may be sent again} True once. */
  public synchronized boolean take(long remote) {
    return remotes.size() < LIMIT && remotes.add(remote);
  }
}
