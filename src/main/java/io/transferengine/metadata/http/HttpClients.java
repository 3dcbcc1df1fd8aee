// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.logging.Anyway;
import java.net.http.HttpClient;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The JDK's HTTP client, replaced by a new one when it is of no use any more.
 *
 * <p>Three faults of JDK 25 make that necessary. The client's own thread ends for good when memory
 * runs out in it. It can also lose a request or a connection then, and gives no answer any more, so
 * a client that gave none in time is not asked again. And an answer whose status line or length
 * cannot be read leaves its connection, its socket and some 17 KiB of memory with the client until
 * that is closed. Thread-safe.
 */
final class HttpClients implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpClients.class);

  private final Supplier<HttpClient> make;

  /** Held while a client is made. Whoever gives one back must not wait for that. */
  private final Object making = new Object();

  /** Those that are not closed. */
  private final Set<Shared> alive = ConcurrentHashMap.newKeySet();

  // Guarded by this.
  private Shared newest;
  private boolean closed;

  /** A client, and how many requests use it. */
  private static final class Shared {
    final HttpClient client;

    /** Made here: it must need no memory when it is run. */
    final Runnable shut;

    int users;
    boolean retired;

    Shared(HttpClient client) {
      this.client = client;
      shut = client::shutdownNow;
    }
  }

  /** The use of a client for one request. */
  final class Lease implements AutoCloseable {
    private final Shared of;

    private Lease(Shared of) {
      this.of = of;
    }

    HttpClient client() {
      return of.client;
    }

    /** The next requests get a new client. This one is closed when nobody uses it any more. */
    void spoilt() {
      retire(of);
    }

    @Override
    public void close() {
      HttpClients.this.release(of);
    }
  }

  /**
   * @param make makes a client
   */
  HttpClients(Supplier<HttpClient> make) {
    this.make = make;
    newest = made();
  }

  private Shared made() {
    HttpClient client = make.get();
    try {
      Shared made = new Shared(client);
      alive.add(made);
      return made;
    } catch (Throwable t) {
      // There is no memory for it.
      client.shutdownNow();
      throw t;
    }
  }

  /** {@return the client, for a request} After {@link #close} it is one that sends nothing. */
  Lease lease() {
    while (true) {
      synchronized (this) {
        if (!isSpent()) {
          Lease lease = new Lease(newest);
          newest.users++;
          return lease;
        }
      }
      renew();
    }
  }

  // Guarded by this.
  private boolean isSpent() {
    return !closed && (newest.retired || newest.client.isTerminated());
  }

  private void renew() {
    synchronized (making) {
      synchronized (this) {
        if (!isSpent()) {
          return; // Another thread was faster.
        }
      }
      release(replaced(made()));
    }
  }

  /** {@return the client that nobody needs now, in use, to be released} */
  private synchronized Shared replaced(Shared next) {
    Shared unneeded = closed ? next : newest;
    newest = closed ? newest : next;
    unneeded.retired = true;
    unneeded.users++;
    return unneeded;
  }

  private synchronized void retire(Shared spoilt) {
    spoilt.retired = true;
  }

  private void release(Shared used) {
    boolean unused;
    synchronized (this) {
      unused = --used.users == 0 && used.retired;
    }
    if (unused && alive.remove(used)) {
      end(used);
    }
  }

  private static void end(Shared last) {
    Anyway.run(log, "Closing an HTTP client", last.shut);
  }

  /** For tests: {@return how many are not closed} */
  int count() {
    return alive.size();
  }

  /** Ends all requests. Idempotent. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
    }
    alive.forEach(HttpClients::end);
  }
}
