// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.access.PeerIdentity;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.Printable;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.metrics.Counter;
import java.util.EnumMap;
import java.util.Map;
import java.util.Objects;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What strangers were refused: one event for each, in a log of its own ({@code
 * io.transferengine.audit}, at WARN), in a counter for each reason, and for the flight recorder.
 * Thread-safe; does not block.
 */
public final class Audit {
  /** The name of the log. */
  public static final String LOGGER = "io.transferengine.audit";

  private static final Logger log = LoggerFactory.getLogger(LOGGER);

  /** As long as a line of the log. */
  private static final int RECORDED_LENGTH_MAX = 1_000;

  /** Why something was refused. */
  public enum Reason {
    /** The registration's rights do not allow peers what was asked for. */
    RIGHTS(Counter.ACCESS_REFUSED_BY_RIGHTS),
    /** The caller's policy does not let this peer do what it asked for. */
    POLICY(Counter.ACCESS_REFUSED_BY_POLICY),
    /** The TLS handshake of a connection to us failed, or there was none. */
    TLS_CONNECTION(Counter.TLS_CONNECTIONS_REFUSED),
    /** The certificate that a connection to us was made with has ended meanwhile. */
    TLS_EXPIRED(Counter.TLS_CONNECTIONS_EXPIRED),
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

  /** Where something was refused. */
  public enum Port {
    /** Ours for handshakes. */
    RPC("RPC port"),
    /** Ours for data. */
    DATA("data port"),
    /** One of a peer, to which we connected. */
    PEER("peer's port");

    private final String words;

    Port(String words) {
      this.words = words;
    }

    /** {@return it in words, without an article} */
    public String words() {
      return words;
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

  /** {@return where it counts} */
  public EngineMetrics metrics() {
    return metrics;
  }

  /**
   * A peer was refused something. Counts each, logs at most one a second for each reason, and tells
   * the flight recorder.
   *
   * @param reason why
   * @param port where
   * @param peer who was refused
   * @param what what it wanted and why it does not get that; may quote strangers, but no secret
   */
  public void refused(Reason reason, Port port, PeerIdentity peer, String what) {
    refused(reason, port, peer.toString(), what);
  }

  /** As above, for a peer of which only a name or an address is known that nobody has proved. */
  public void refused(Reason reason, Port port, String peer, String what) {
    metrics.happened(EngineEvent.Kind.REFUSED, reason.counter, peer, what);
    if (FlightRecorder.IS_THERE) {
      record(reason, port, peer, what);
    }
    Objects.requireNonNull(limiters.get(reason)) // The constructor made one for each.
        .warn(
            "Refused " + peer + ": " + what + " [" + reason + "]",
            LogKeys.peer(peer).cause(reason).with("port", port));
  }

  private static void record(Reason reason, Port port, String peer, String what) {
    RefusalEvent event = new RefusalEvent();
    if (event.shouldCommit()) {
      event.peer = Printable.of(peer, RECORDED_LENGTH_MAX);
      event.reason = reason.name();
      event.port = port.words();
      event.what = Printable.of(what, RECORDED_LENGTH_MAX);
      event.commit();
    }
  }
}
