// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Whom this server has just told that a name is another's. A C++ engine that was told so fails to
 * initialize, and then cleans up: it deletes the key of that name, which is not its own. Each
 * refusal lets one such deletion pass over. Thread-safe.
 *
 * <p>An address stands for a client, since a new connection may be used for the deletion. Its owner
 * may be on the same machine: hence one deletion for each refusal, and no more.
 */
final class RefusedClaims {
  /** The deletion follows at once, unless the machine is overloaded. */
  static final int SECONDS = 10;

  /** Of keys that have 4096 characters at most; beyond it the oldest are forgotten. */
  static final int LIMIT = 1000;

  private final LongSupplier clockNanos;

  /** The oldest first. */
  private final ArrayDeque<Claim> claims = new ArrayDeque<>();

  private record Claim(InetAddress client, String key, long nanos) {}

  RefusedClaims(LongSupplier clockNanos) {
    this.clockNanos = clockNanos;
  }

  /** A client was told that a key is another's. */
  synchronized void refused(InetAddress client, String key) {
    dropOld();
    if (claims.size() == LIMIT) {
      claims.removeFirst();
    }
    claims.addLast(new Claim(client, key, clockNanos.getAsLong()));
  }

  /**
   * {@return whether a client that deletes a key was refused it just now; a refusal counts once}
   */
  synchronized boolean take(InetAddress client, String key) {
    dropOld();
    for (Iterator<Claim> each = claims.iterator(); each.hasNext(); ) {
      Claim claim = each.next();
      if (claim.client.equals(client) && claim.key.equals(key)) {
        each.remove();
        return true;
      }
    }
    return false;
  }

  private void dropOld() {
    long now = clockNanos.getAsLong();
    while (!claims.isEmpty()
        && now - claims.getFirst().nanos >= TimeUnit.SECONDS.toNanos(SECONDS)) {
      claims.removeFirst();
    }
  }
}
