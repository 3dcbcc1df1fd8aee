// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.logging.Anyway;
import java.net.http.HttpClient;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The JDK's HTTP client, replaced by a new one when it is of no use any more.
 *
 * <p>Two faults of JDK 25 make that necessary. The client's own thread ends for good when memory
 * runs out in it. And an answer whose status line or length cannot be read leaves its connection,
 * its socket and some 17 KiB of memory with the client until that is closed. Thread-safe.
 */
final class HttpClients implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(HttpClients.class);

  private final Supplier<HttpClient> make;

  // Guarded by this.
  private Shared newest;
  private boolean closed;

  /** A client, and how many requests use it. */
  private static final class Shared {
    final HttpClient client;
    int users;
    boolean retired;

    Shared(HttpClient client) {
      this.client = client;
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
    newest = new Shared(make.get());
  }

  /** {@return the client, for a request} After {@link #close} it is one that sends nothing. */
  synchronized Lease lease() {
    if (!closed && (newest.retired || newest.client.isTerminated())) {
      newest = new Shared(make.get());
    }
    newest.users++;
    return new Lease(newest);
  }

  private synchronized void retire(Shared spoilt) {
    spoilt.retired = true;
  }

  private void release(Shared used) {
    boolean unused;
    synchronized (this) {
      unused = --used.users == 0 && used.retired;
    }
    if (unused) {
      Anyway.run(log, "Closing an HTTP client", used.client::shutdownNow);
    }
  }

  @Override
  public void close() {
    Shared last;
    synchronized (this) {
      closed = true;
      last = newest;
    }
    last.client.shutdownNow();
  }
}
