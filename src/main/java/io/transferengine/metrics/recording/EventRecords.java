// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import java.util.EnumSet;
import java.util.Set;
import jdk.jfr.Category;
import jdk.jfr.DataAmount;
import jdk.jfr.Description;
import jdk.jfr.Event;
import jdk.jfr.Label;
import jdk.jfr.Name;
import jdk.jfr.StackTrace;
import jdk.jfr.Throttle;
import jdk.jfr.Timespan;
import org.jspecify.annotations.Nullable;

/**
 * What happens in an engine beside transfers, for the JDK's flight recorder. Strangers, and links
 * that come and go, decide how often: the recorder keeps a sample of 100 a second of each kind,
 * unless its user says otherwise. Where no recording asks for them, nothing is kept.
 */
final class EventRecords {
  private static final int PEER_LENGTH_MAX = 300;

  /** Of these the audit tells, which knows more. */
  private static final Set<Counter> OF_THE_AUDIT =
      EnumSet.of(
          Counter.ACCESS_REFUSED_BY_RIGHTS,
          Counter.ACCESS_REFUSED_BY_POLICY,
          Counter.TLS_CONNECTIONS_REFUSED,
          Counter.TLS_CONNECTIONS_EXPIRED,
          Counter.TLS_PEERS_REFUSED,
          Counter.TOKEN_CONNECTIONS_REFUSED,
          Counter.TOKEN_PEERS_REFUSED);

  private EventRecords() {}

  /** What all of them have. */
  @Category("Transfer Engine")
  @StackTrace(false)
  @Throttle("100/s")
  abstract static class Happening extends Event {
    @Label("Kind")
    String kind = "";

    @Label("Counter")
    @Description("What counts such events")
    String counter = "";

    @Label("Transport")
    String transport = "";

    @Label("Peer")
    String peer = "";

    @Label("What")
    String what = "";
  }

  @Name("io.transferengine.Handshake")
  @Label("Handshake")
  @Description("A question on an RPC port, a peer's or ours")
  static final class Handshake extends Happening {
    @Label("Took")
    @Timespan
    long took;
  }

  @Name("io.transferengine.Registration")
  @Label("Registration")
  @Description("Memory was registered, or a registration has ended")
  static final class Registration extends Happening {
    @Label("Ranges")
    int ranges;

    @Label("Bytes")
    @DataAmount
    long bytes;
  }

  @Name("io.transferengine.PathChange")
  @Label("Path Change")
  @Description("A way to a peer is open, was lost, or could not be opened")
  static final class PathChange extends Happening {}

  @Name("io.transferengine.Fallback")
  @Label("Fallback")
  @Description("Another transport is used than the one that is preferred")
  static final class Fallback extends Happening {}

  @Name("io.transferengine.Limit")
  @Label("Limit")
  @Description("A limit was reached: something waited, was closed or goes on more slowly")
  static final class Limit extends Happening {}

  /** Loads the classes, while there is memory: what fails to load is lost for ever (ADR 41). */
  static void load() {
    boolean _ = new Handshake().isEnabled();
    boolean _ = new Registration().isEnabled();
    boolean _ = new PathChange().isEnabled();
    boolean _ = new Fallback().isEnabled();
    boolean _ = new Limit().isEnabled();
    boolean _ = new RefusalEvent().isEnabled();
  }

  /** {@return whether a recording asks for registrations} */
  static boolean wantsMemory() {
    return new Registration().isEnabled();
  }

  /** Has it recorded, if a recording asks for it. May throw when there is no memory. */
  static void record(
      EngineEvent.Kind kind,
      @Nullable Counter counter,
      String transport,
      Object peer,
      Object what,
      long nanos,
      long bytes) {
    switch (kind) {
      case HANDSHAKE_MADE, HANDSHAKE_FAILED, HANDSHAKE_SERVED -> {
        Handshake event = new Handshake();
        event.took = nanos;
        commit(event, kind, counter, transport, peer, what);
      }
      case REGISTERED, UNREGISTERED -> {
        Registration event = new Registration();
        event.ranges = what instanceof Integer ranges ? ranges : 0;
        event.bytes = bytes;
        commit(event, kind, counter, transport, peer, "");
      }
      case PATH_UP, PATH_DOWN -> commit(new PathChange(), kind, counter, transport, peer, what);
      case FALLBACK -> commit(new Fallback(), kind, counter, transport, peer, what);
      case LIMIT_REACHED -> commit(new Limit(), kind, counter, transport, peer, what);
      case REFUSED -> {
        if (counter != null && !OF_THE_AUDIT.contains(counter)) {
          refused(counter, peer, what);
        }
      }
    }
  }

  private static void commit(
      Happening event,
      EngineEvent.Kind kind,
      @Nullable Counter counter,
      String transport,
      Object peer,
      Object what) {
    if (event.shouldCommit()) {
      event.kind = kind.name();
      event.counter = counter == null ? "" : counter.name();
      event.transport = transport;
      event.peer = Printable.of(String.valueOf(peer), PEER_LENGTH_MAX);
      event.what = Words.of(what);
      event.commit();
    }
  }

  private static void refused(Counter counter, Object peer, Object what) {
    RefusalEvent event = new RefusalEvent();
    if (event.shouldCommit()) {
      event.reason = counter.name();
      event.peer = Printable.of(String.valueOf(peer), PEER_LENGTH_MAX);
      event.what = Words.of(what);
      event.commit();
    }
  }
}
