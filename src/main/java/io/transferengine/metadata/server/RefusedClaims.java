// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.net.InetAddress;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * Clients that this server has just refused a name because another engine has it. A C++ engine that
 * was refused fails to initialize and then cleans up: it deletes the key of that name, which
 * belongs to the other engine. So after each refusal, the server ignores one such deletion.
 * Thread-safe.
 *
 * <p>A client is known by its address, because it may use a new connection for the deletion. The
 * owner of the name may have the same address, so only one deletion is ignored for each refusal.
 */
final class RefusedClaims {
  /** The deletion follows at once, unless the machine is overloaded. */
  static final int SECONDS = 10;

  /**
   * The most refusals that are kept; the oldest are dropped first. Each has a key of 4096
   * characters at most.
   */
  static final int LIMIT = 1000;

  private final LongSupplier clockNanos;

  /** The oldest first. It never grows: a deque that finds no memory to grow loses what is in it. */
  private final ArrayDeque<Claim> claims = new ArrayDeque<>(LIMIT);

  private record Claim(InetAddress client, String key, long nanos) {}

  RefusedClaims(LongSupplier clockNanos) {
    this.clockNanos = clockNanos;
  }

  /** Notes that a client was refused a key. */
  synchronized void refused(InetAddress client, String key) {
    dropOld();
    if (claims.size() == LIMIT) {
      claims.removeFirst();
    }
    claims.addLast(new Claim(client, key, clockNanos.getAsLong()));
  }

  /** {@return whether the client was just refused this key} A refusal counts once. */
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
