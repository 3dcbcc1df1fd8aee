// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.access.PeerIdentity;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.recording.Audit;
import java.net.InetAddress;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What clients of a server did not get: each is counted, and for those who lack a right there is a
 * line in the audit log, at most one a second of each kind. Thread-safe.
 */
final class Refusals {
  private static final Logger log = LoggerFactory.getLogger(Audit.LOGGER);

  private static final Logger ownLog = LoggerFactory.getLogger(Refusals.class);

  private final Kind full = new Kind(ownLog);
  private final LongAdder faults = new LongAdder();
  private final WarnLimiter faultLimiter = new WarnLimiter(ownLog);
  private final LongAdder crowded = new LongAdder();
  private final Kind connections = new Kind(log);
  private final Kind unauthorized = new Kind(log);
  private final Kind foreign = new Kind(log);

  /** One kind of refusal: many of one must not hide the first of another. */
  private static final class Kind {
    private final LongAdder count = new LongAdder();
    private final WarnLimiter limiter;

    Kind(Logger log) {
      limiter = new WarnLimiter(log);
    }

    void add(String who, String what) {
      count.increment();
      limiter.warn("Refused " + who + " at the metadata server: " + what);
    }
  }

  /** A record was not stored, since there is no room: an operator's matter, not the audit's. */
  void full(PeerIdentity peer, String what) {
    full.add(peer.toString(), "a record: " + what);
  }

  long fullCount() {
    return full.count.sum();
  }

  /** A request failed by a mistake of ours, or without memory. Throws nothing. */
  void fault(Throwable thrown) {
    try {
      faultLimiter.fault("A request to the metadata server failed", thrown);
      faults.increment();
    } catch (Throwable uncounted) {
      // The text and the count may need memory. The answer matters more.
    }
  }

  long faultCount() {
    return faults.sum();
  }

  /** A connection was closed, since there were too many. */
  void crowded() {
    crowded.increment();
  }

  long crowdedCount() {
    return crowded.sum();
  }

  /** A connection was closed, since its TLS handshake failed or is not wanted. */
  void connection(InetAddress address, String what) {
    connections.add(address.getHostAddress(), "a connection: " + what);
  }

  long connectionCount() {
    return connections.count.sum();
  }

  /** A request was refused, since its client has not proved enough. */
  void unauthorized(PeerIdentity peer, String what) {
    unauthorized.add(peer.toString(), what);
  }

  long unauthorizedCount() {
    return unauthorized.count.sum();
  }

  /** A change was refused, since the record belongs to somebody else. */
  void foreign(PeerIdentity peer, String key) {
    foreign.add(peer.toString(), "a change of the record of somebody else: " + key);
  }

  long foreignCount() {
    return foreign.count.sum();
  }
}
