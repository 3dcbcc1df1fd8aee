// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.Counter;
import io.transferengine.transport.TransferTask;
import java.util.function.LongPredicate;

/**
 * Claims requests for a connection and lays them into its stream, as much as there is room for.
 * Confined to the connection's event loop.
 */
final class LaneSender {
  /** The connection, as far as sending is concerned. */
  interface Of {
    OutboundStream stream();

    /** {@return whether requests may be sent on it at all} */
    boolean maySend();

    boolean hasEnded();

    /** {@return whether the socket has taken what was sent, or most of it} */
    boolean isWritable();

    /** {@return whether no request was answered on it yet} */
    boolean isFresh();

    /** The next requests need another connection. */
    void renew(String why);

    /** Something of ours threw in between; nothing on it can be trusted any more. */
    void sendingFailed(Throwable fault);
  }

  /** The lane of the connection. */
  interface Owner {
    /** So many requests are out. */
    void setLoad(int requests);

    /** It is full while there may be work left: lets another lane look. */
    void wakeAnother();

    /** {@return whether another lane has nothing out and could begin at once, roughly} */
    boolean hasIdleLaneBeside();
  }

  private final PeerProfile peer;
  private final LaneTasks tasks;
  private final RequestRing ring;
  private final RequestWriter writer;
  private final RequestOutcomes outcomes;
  private final WriteConfirmation confirmation;
  private final IdentityCheck identity;
  private final LaneStaging staging;
  private final LaneTerm term;
  private final StallWatch stall;
  private final LaneCallers callers;
  private final Owner lane;
  private final Of connection;
  private final ClaimLimits limits;
  private boolean pumping;

  /** For one connection, with all that it has. */
  LaneSender(
      PeerProfile peer,
      LaneTasks tasks,
      RequestRing ring,
      RequestWriter writer,
      RequestOutcomes outcomes,
      WriteConfirmation confirmation,
      IdentityCheck identity,
      LaneStaging staging,
      LaneTerm term,
      StallWatch stall,
      LaneCallers callers,
      Owner lane,
      Of connection) {
    this.peer = peer;
    this.tasks = tasks;
    this.ring = ring;
    this.writer = writer;
    this.outcomes = outcomes;
    this.confirmation = confirmation;
    this.identity = identity;
    this.staging = staging;
    this.term = term;
    this.stall = stall;
    this.callers = callers;
    this.lane = lane;
    this.connection = connection;
    this.limits = new ClaimLimits(peer, ring, lane::hasIdleLaneBeside);
  }

  /** Claims and sends as much as there is room for. */
  void pump() {
    if (confirmation.isDedicated()) {
      lane.wakeAnother();
      return;
    }
    if (pumping || !connection.maySend()) {
      return;
    }
    if (!callers.letLoopSend()) {
      // The caller who has the turn may be kept from its processor.
      lane.wakeAnother();
      offerTurn();
      return;
    }
    pumping = true;
    try {
      boolean asked = identity.ask(connection.stream());
      if (!identity.letsRequestsFollow()) {
        connection.stream().flush();
        return;
      }
      if (ring.size() == 0) {
        // Whatever is sent now: its answer is waited for from now on.
        stall.moved();
      }
      boolean claimed = true;
      int room = term.isOver() ? 0 : limits.room();
      long bytes;
      while (claimed
          && (bytes = staging.bytes(limits.bytes())) > 0
          && room > 0
          && !confirmation.isDedicated()
          && !connection.hasEnded()
          && connection.isWritable()) {
        long from = ring.end();
        ring.beginClaim();
        claimed = tasks.claim(ring, limits.requests(room), bytes, limits.requestBytes());
        send(from);
        if (!claimed || limits.room() <= 0 || ring.size() > peer.requestsPerLane() / 2) {
          confirmWrites();
        }
        // Only now: the confirmation has taken a place itself.
        room = limits.room();
        connection.stream().flush();
      }
      if (room <= 0) {
        // It may have filled up without a claim of ours, when another lane went idle.
        confirmWrites();
        connection.stream().flush();
        lane.wakeAnother();
      }
      if (asked) {
        // Else a caller's request would be before the question.
        offerTurn();
      }
    } catch (Throwable t) {
      connection.sendingFailed(t);
    } finally {
      pumping = false;
    }
    tellLoad();
  }

  private void offerTurn() {
    if (ring.size() == 0) {
      callers.offerTurn();
    }
  }

  /** Until the connection's end is told it is one at least: one that has ended is no free one. */
  void tellLoad() {
    lane.setLoad(connection.hasEnded() ? Math.max(1, ring.size()) : ring.size());
  }

  private void send(long from) {
    int frames = 0;
    long position = from;
    try {
      while (position < ring.end()) {
        int count = limits.vectored() ? writer.ranges(position) : 1;
        if (count > 1) {
          writer.vector(connection.stream(), position, count);
        } else if (!plain(position)) {
          return;
        }
        frames++;
        position += count;
      }
    } catch (Throwable t) {
      // The stream is as if the one that threw and those behind it had never been claimed.
      outcomes.notSent(position, writer.at(), t);
      staging.waitIfDry(t);
    }
    peer.metrics().add(Counter.REQUESTS_SENT, frames);
  }

  /** False when the request needs a connection of its own, which this one is not any more. */
  private boolean plain(long position) {
    boolean write = !ring.isRead(position);
    boolean alone = write && needsOwnConnection();
    if (alone && !connection.isFresh()) {
      connection.renew("the next request needs a connection of its own");
      return false;
    }
    writer.plain(connection.stream(), position);
    if (write && !peer.isVersion2()) {
      confirmation.written(alone);
    }
    return true;
  }

  private boolean needsOwnConnection() {
    return !peer.isVersion2() && peer.connectionReuse() != ConnectionReuse.REUSED;
  }

  private void confirmWrites() {
    if (!connection.hasEnded()) {
      confirmation.askBehind(connection.stream());
    }
  }

  /** The connection is new, and begins with asking; {@return false to be woken when it can} */
  boolean confirm(UnconfirmedWrite write) {
    try {
      boolean asked = confirmation.askFor(write, connection.stream());
      connection.stream().flush();
      return asked;
    } catch (Throwable t) {
      connection.sendingFailed(t);
      return true;
    }
  }

  /**
   * Takes those requests of a task that has ended off it. Laying the queue anew may look as if
   * there were room: nothing is claimed meanwhile.
   */
  boolean orphan(TransferTask ended, LongPredicate isFree) {
    pumping = true;
    try {
      return outcomes.orphan(ended, isFree);
    } finally {
      pumping = false;
    }
  }
}
