// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.access.PeerIdentity;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What strangers were refused: one event for each, in a log of its own ({@code
 * io.transferengine.audit}, at WARN) and in a counter for each reason. Thread-safe; does not block.
 */
public final class Audit {
  /** The name of the log. */
  public static final String LOGGER = "io.transferengine.audit";

  private static final Logger log = LoggerFactory.getLogger(LOGGER);

  /** Why something was refused. */
  public enum Reason {
    /** The registration's rights do not allow peers what was asked for. */
    RIGHTS(Counter.ACCESS_REFUSED_BY_RIGHTS),
    /** The caller's policy does not let this peer do what it asked for. */
    POLICY(Counter.ACCESS_REFUSED_BY_POLICY),
    /** The TLS handshake of a connection to us failed, or there was none. */
    TLS_CONNECTION(Counter.TLS_CONNECTIONS_REFUSED),
    /** The TLS handshake of our connection to a peer failed. */
    TLS_PEER(Counter.TLS_PEERS_REFUSED),
    /** Who connected to us has proved no token, or a wrong one. */
    TOKEN_CONNECTION(Counter.TOKEN_CONNECTIONS_REFUSED),
    /** A peer that we connected to does not accept our token, or does not know it. */
    TOKEN_PEER(Counter.TOKEN_PEERS_REFUSED);

    private final Counter counter;

    Reason(Counter counter) {
      this.counter = counter;
    }
  }

  private final EngineMetrics metrics;

  /** One for each reason: many refusals of one kind must not hide the first of another. */
  private final Map<Reason, WarnLimiter> limiters = new EnumMap<>(Reason.class);

  /**
   * For one engine.
   *
   * @param metrics where it counts
   */
  public Audit(EngineMetrics metrics) {
    this.metrics = metrics;
    for (Reason reason : Reason.values()) {
      limiters.put(reason, new WarnLimiter(log));
    }
  }

  /**
   * A peer was refused something. Counts each, and logs at most one a second for each reason.
   *
   * @param reason why
   * @param peer who was refused
   * @param what what it wanted and why it does not get that; may quote strangers, but no secret
   */
  public void refused(Reason reason, PeerIdentity peer, String what) {
    refused(reason, peer.toString(), what);
  }

  /** As above, for a peer of which only a name or an address is known that nobody has proved. */
  public void refused(Reason reason, String peer, String what) {
    metrics.increment(reason.counter);
    Objects.requireNonNull(limiters.get(reason)) // The constructor made one for each.
        .warn("Refused " + peer + ": " + what + " [" + reason + "]");
  }
}
