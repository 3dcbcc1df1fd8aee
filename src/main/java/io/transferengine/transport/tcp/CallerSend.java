// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.Counter;
import io.transferengine.os.SocketCopy;
import io.transferengine.transport.TransferTask;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * How a caller sends a single small block itself, on a connection that it finds idle: nobody has to
 * wake the event loop for it, which takes a fourth of such a transfer's time.
 *
 * <p>Whose turn it is says {@link CallerTurn}. The caller claims a request into a ring of its own,
 * lays it into a buffer and hands that to the kernel, through a descriptor of its own, so that it
 * touches nothing that the loop has. The loop takes the request over into the connection's ring
 * when it comes across it: with the answer, mostly. What the kernel did not take at once, and
 * whatever failed, is the loop's business, too.
 *
 * <p>{@link #send} is for callers, {@link #load} for all; the rest is confined to the event loop.
 */
final class CallerSend {
  /** From here on a transfer takes longer to move than to wake for. */
  private static final int BYTES_MAX = StagingBlock.DIRECT_BYTES_MIN;

  /** Nothing is wrong with what was not sent. */
  @SuppressWarnings("StaticAssignmentOfThrowable") // it has no stack
  private static final StagingDry NOT_NOW = new StagingDry();

  /** The connection. */
  interface Of {
    /** Lets its lane look for work; by any thread. */
    void wakeLoop();

    /** {@return whether it has ended} On its event loop. */
    boolean hasEnded();

    /** Its ring has what a caller sent; on its event loop. */
    void tookOver();
  }

  /** The socket, for callers. */
  interface Socket {
    /**
     * {@return how many bytes the kernel took at once; less than 0 for none, whatever the cause}
     */
    long send(long address, long bytes);

    /** Nothing that is sent from now on leaves. */
    void shutdown();

    void close();
  }

  /** Only version 1 has such writes. */
  private static final Consumer<UnconfirmedWrite> NEVER = new Never();

  private static final class Never implements Consumer<UnconfirmedWrite> {
    @Override
    public void accept(UnconfirmedWrite write) {
      throw new IllegalStateException("A caller sends to peers of version 2 only");
    }
  }

  private final PeerProfile peer;
  private final LaneTasks tasks;
  private final CallerFrames frames;
  private final Socket socket;
  private final Of connection;
  private final RequestRing ring;
  private final OutboundStream stream;
  private final StallWatch stall;
  private final CallerTurn turn = new CallerTurn();
  private final RequestRing claimed;
  private final RequestWriter writer;
  private final RequestOutcomes outcomes;

  // Of a caller until it has sent, then of the loop.
  private long sentNanos;
  private int bytes;
  private int unsent;
  private @Nullable CallerFrame left;

  /**
   * For one connection, whose turn is the loop's.
   *
   * @param socket closed with it
   */
  CallerSend(
      PeerProfile peer,
      LaneTasks tasks,
      CallerFrames frames,
      Socket socket,
      RequestRing ring,
      OutboundStream stream,
      StallWatch stall,
      Of connection) {
    this.peer = peer;
    this.tasks = tasks;
    this.frames = frames;
    this.socket = socket;
    this.ring = ring;
    this.stream = stream;
    this.stall = stall;
    this.connection = connection;
    claimed = new RequestRing(1, Long.MAX_VALUE, ring.lane());
    writer = new RequestWriter(claimed, true, null);
    outcomes = new RequestOutcomes(peer, tasks, claimed, NEVER);
  }

  // ---- callers

  /** {@return whether a transfer is one that callers send: a single small block} */
  static boolean isFor(TransferTask task) {
    return task.blockCount() == 1 && task.totalBytes() < BYTES_MAX;
  }

  /** Sends what there is to claim of a task, if it is the next one and nobody has the turn. */
  void send(TransferTask task) {
    if (!turn.take()) {
      return;
    }
    CallerFrame frame = null;
    try {
      SocketCopy.prepare();
      frame = frames.take();
      if (frame != null) {
        boolean _ = tasks.claimFirst(task, claimed, 1, Long.MAX_VALUE, Long.MAX_VALUE);
        lay(frame);
      }
    } catch (Throwable t) {
      // No memory. What is not claimed is left to the loop, and what is laid is sent.
    }
    CallerTurn.Then then = frame == null || claimed.size() == 0 ? leave(frame) : hand(frame);
    if (then != CallerTurn.Then.NOTHING) {
      follow(then);
    }
  }

  private void lay(CallerFrame frame) {
    if (claimed.size() == 0) {
      return;
    }
    try {
      writer.plain(frame, claimed.first());
      peer.metrics().increment(Counter.REQUESTS_SENT);
    } catch (Throwable t) {
      if (frame.length() == 0) {
        // As if it had never been claimed. Should that throw, too, the loop does it.
        outcomes.notSent(claimed.first(), writer.at(), t);
      }
    }
  }

  private CallerTurn.Then leave(@Nullable CallerFrame frame) {
    if (frame != null) {
      frames.giveBack(frame);
    }
    return turn.leave();
  }

  /** Hands what is laid to the kernel; throws nothing. */
  private CallerTurn.Then hand(CallerFrame frame) {
    bytes = frame.length();
    unsent = 0;
    sentNanos = System.nanoTime();
    if (!turn.begin()) {
      outcomes.notSent(claimed.first(), claimed.first(), NOT_NOW);
      return leave(frame);
    }
    int taken = 0;
    try {
      taken = bytes == 0 ? 0 : (int) Math.max(0, socket.send(frame.address(), bytes));
    } catch (Throwable t) {
      // The loop sends it, or finds out.
    }
    boolean isLeft = taken < bytes;
    if (isLeft) {
      unsent = bytes - taken;
      left = frame;
    } else {
      frames.giveBack(frame);
    }
    CallerTurn.Then then = turn.finish(bytes > 0 && !isLeft);
    if (then == CallerTurn.Then.END && isLeft) {
      frames.giveBack(frame);
    }
    return then;
  }

  private void follow(CallerTurn.Then then) {
    if (then == CallerTurn.Then.END) {
      close();
      return;
    }
    try {
      connection.wakeLoop();
    } catch (Throwable t) {
      // No memory. The loop looks again every second.
    }
  }

  private void close() {
    try {
      socket.close();
    } catch (Throwable t) {
      peer.faults().fault("A descriptor of a connection to %s was not closed", peer.name(), t);
    }
  }

  /** {@return how many requests callers have out that the loop has not seen yet, roughly} */
  int load() {
    return turn.isBusy() ? 1 : 0;
  }

  // ---- the event loop

  /**
   * Takes over what callers have sent: before anything is asked or told of the connection's ring or
   * stream.
   */
  void look() {
    if (turn.hasNews() && bytes == 0) {
      // It could be neither laid nor given back on the caller's stack.
      outcomes.notSent(claimed.first(), claimed.first(), NOT_NOW);
      turn.adopted();
    } else if (turn.hasNews()) {
      if (ring.size() == 0) {
        stall.movedAt(sentNanos);
      }
      long base = stream.queuedBytes();
      for (long position = claimed.first(); position < claimed.end(); position++) {
        ring.add(claimed, position, base);
      }
      stream.sentElsewhere(bytes);
      claimed.clear();
      // First: from then on only the ring says that something is out.
      connection.tookOver();
      turn.adopted();
    }
    if (turn.settle() && unsent > 0) {
      sendRest();
    }
  }

  private void sendRest() {
    int rest = unsent;
    unsent = 0;
    CallerFrame frame = Objects.requireNonNull(left);
    left = null;
    try {
      stream.sentElsewhere(-rest);
      if (!connection.hasEnded()) {
        stream.copyOf(frame.address() + bytes - rest, rest);
        stream.flush();
      }
    } finally {
      frames.giveBack(frame);
    }
  }

  /** {@return whether the loop may send} If not, it is woken should there be something to send. */
  boolean letLoopSend() {
    while (true) {
      look();
      if (turn.claim()) {
        return true;
      }
      if (!tasks.hasWork() || turn.want()) {
        return false;
      }
    }
  }

  /** The connection is idle: a caller may have the next turn. */
  void release() {
    look();
    if (ring.size() == 0 && stream.isDrained()) {
      turn.release();
    }
  }

  /** The connection has ended: what was sent is in its ring, and nothing more leaves. */
  void end() {
    boolean cutOff = false;
    CallerTurn.End ended;
    while ((ended = turn.end(cutOff)) == CallerTurn.End.NEWS || ended == CallerTurn.End.SENDING) {
      look();
      if (ended == CallerTurn.End.SENDING) {
        // Its descriptor is open until the caller has found that this is the end.
        socket.shutdown();
        cutOff = true;
      }
    }
    if (ended == CallerTurn.End.NOW) {
      close();
    }
  }

  @Override
  public String toString() {
    return turn.toString();
  }
}
