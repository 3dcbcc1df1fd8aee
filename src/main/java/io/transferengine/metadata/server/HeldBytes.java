// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.logging.WarnLimiter;
import io.transferengine.net.ByteBudget;
import java.net.InetAddress;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bytes of one kind that clients have a server hold: so many for all of them, and half of that for
 * one address. Thread-safe.
 */
final class HeldBytes {
  private static final Logger log = LoggerFactory.getLogger(HeldBytes.class);

  private final String what;
  private final ByteBudget budget;
  private final LongAdder refused;
  private final WarnLimiter warnings = new WarnLimiter(log);

  /**
   * Nothing is held.
   *
   * @param what is held, in words
   * @param refused counts those for whom there was no room
   */
  HeldBytes(String what, long limitBytes, LongAdder refused) {
    this.what = what;
    this.refused = refused;
    String name = "the limit of " + what;
    budget = new ByteBudget(name, limitBytes, "half of " + name, limitBytes / 2);
  }

  /** What one request or answer holds. For one thread. */
  final class Held implements AutoCloseable {
    private final InetAddress client;
    private long bytes;

    private Held(InetAddress client) {
      this.client = client;
    }

    /**
     * Takes more.
     *
     * @throws HttpRefusal 503 if there is no room; nothing was taken then
     */
    void add(long more) throws HttpRefusal {
      Optional<String> full = budget.reserve(client, more);
      if (full.isEmpty()) {
        bytes += more;
        return;
      }
      refused.increment();
      String text = "there is no room for " + what + ": " + full.get();
      warnings.warn(
          "A request of "
              + client.getHostAddress()
              + " to the metadata server is refused: "
              + text);
      throw new HttpRefusal(HttpStatus.BUSY, text);
    }

    /** Gives back all but so much, which is not more than is held. */
    void keep(long less) {
      budget.release(client, bytes - less);
      bytes = less;
    }

    /** Gives back all of it. Idempotent. */
    @Override
    public void close() {
      keep(0);
    }
  }

  /** {@return what holds nothing yet; the caller closes it} */
  Held by(InetAddress client) {
    return new Held(client);
  }

  long bytes() {
    return budget.heldBytes();
  }
}
