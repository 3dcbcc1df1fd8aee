// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;
import org.jspecify.annotations.Nullable;

/**
 * What the event loop of a connection has to do with callers that send on it: none while there is
 * no {@link CallerSend}, which is made when the connection is idle for the first time, and never
 * where callers cannot send: over TLS, with checksums, to peers of version 1, and where Netty does
 * not tell the socket's number. Confined to the event loop.
 */
final class LaneCallers {
  /** The connection. */
  interface Of extends CallerSend.Of {
    OutboundStream stream();

    /** {@return whether requests may be sent on it at all} */
    boolean maySend();

    /** Something of ours threw in between; nothing on it can be trusted any more. */
    void sendingFailed(Throwable fault);
  }

  /** The lane of the connection. */
  interface Owner {
    /** Lets the lane look for work; by any thread. */
    void wake();

    /** {@return where callers lay what they send} */
    CallerFrames callerFrames();

    /**
     * {@return the socket of a connection of the lane for callers, which they close; null if there
     * can be none}
     */
    CallerSend.@Nullable Socket callerSocket(Channel channel);

    /** From now on callers may send on the connection, when it is their turn. */
    void letCallersSend(CallerSend callers);
  }

  private final PeerProfile peer;
  private final LaneTasks tasks;
  private final RequestRing ring;
  private final StallWatch stall;
  private final Owner lane;
  private final Of connection;
  private @Nullable CallerSend callers;

  /** Whether there is to be none. */
  private boolean without;

  /** For one connection, with what it has. */
  LaneCallers(
      PeerProfile peer,
      LaneTasks tasks,
      RequestRing ring,
      StallWatch stall,
      Owner lane,
      Of connection) {
    this.peer = peer;
    this.tasks = tasks;
    this.ring = ring;
    this.stall = stall;
    this.lane = lane;
    this.connection = connection;
    without = !peer.isVersion2() || peer.isChecked();
  }

  /** Takes over what callers have sent, before anything is asked or told of ring and stream. */
  void look() {
    CallerSend there = callers;
    if (there != null) {
      try {
        there.look();
      } catch (Throwable t) {
        connection.sendingFailed(t);
      }
    }
  }

  /** {@return whether the loop may send} If not, it is woken should there be something to send. */
  boolean letLoopSend() {
    CallerSend there = callers;
    if (there == null) {
      return true;
    }
    try {
      return there.letLoopSend();
    } catch (Throwable t) {
      // What a caller left unsent may be lost: nothing may follow it.
      connection.sendingFailed(t);
      return false;
    }
  }

  /** Nothing is out and nothing is to be sent: callers may, if the stream has all behind it. */
  void offerTurn() {
    if (without
        || !connection.maySend()
        || !connection.stream().isDrained()
        || connection.stream().hasUnflushed()
        || peer.connectionReuse() != ConnectionReuse.REUSED) {
      return;
    }
    CallerSend there = callers;
    if (there == null) {
      without = true;
      try {
        there = made();
      } catch (Throwable t) {
        return; // No memory. The loop sends, as it can.
      }
      if (there == null) {
        return;
      }
      without = false;
    }
    try {
      there.release();
    } catch (Throwable t) {
      connection.sendingFailed(t);
    }
  }

  private @Nullable CallerSend made() {
    OutboundStream stream = connection.stream();
    CallerSend.Socket socket = stream.isEncrypted() ? null : lane.callerSocket(stream.channel());
    if (socket == null) {
      return null;
    }
    try {
      CallerSend made =
          new CallerSend(peer, tasks, lane.callerFrames(), socket, ring, stream, stall, connection);
      lane.letCallersSend(made);
      callers = made;
      return made;
    } catch (Throwable t) {
      socket.close();
      throw t;
    }
  }

  /** The connection has ended: what callers sent is in its ring, and nothing more leaves. */
  void end() {
    without = true;
    CallerSend there = callers;
    if (there != null) {
      there.end();
      callers = null;
    }
  }
}
