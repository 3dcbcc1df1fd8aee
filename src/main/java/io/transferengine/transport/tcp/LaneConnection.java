// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.socket.DuplexChannel;
import io.transferengine.metrics.Counter;
import io.transferengine.tls.VerifiedPeer;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The initiator's end of a data connection: {@link LaneSender} claims requests and sends them, and
 * they are settled here as the target answers, in order.
 *
 * <h2>When a request is done</h2>
 *
 * A read when its last byte is here, a write when its status frame says so, or, in version 1, which
 * acknowledges nothing, as {@link WriteConfirmation} says.
 *
 * <h2>When the connection ends early</h2>
 *
 * It is closed first; only when nothing can touch local memory any more are its requests settled,
 * each as {@link RequestOutcomes} says: the one at fault fails, those that cannot have had an
 * effect are handed to another connection, and a write that had begun fails when we closed the
 * connection ourselves, because its bytes may still be drained by a stopped target and must not
 * arrive after newer ones. A target that refuses a version 1 read just closes; a read at which a
 * connection ended is asked for again, and is at fault when it ends a fresh connection too.
 *
 * <p>One that is not shared, with a write on it that has begun and whose transfer has ended, leaves
 * its lane: it sends nothing more, and waits for the target to end it.
 *
 * <p>Confined to the channel's event loop.
 */
final class LaneConnection extends WireHandler
    implements AnswerReader.Listener, LaneCallers.Of, LaneSender.Of, LetGo.Of {
  /** The lane; on its event loop. */
  interface Owner extends LaneStaging.Listener, LaneCallers.Owner, LaneSender.Owner {
    /** The connection is made. */
    void opened(LaneConnection made);

    /** The connection has had so many answers in all. */
    void answered(int answers);

    /**
     * It takes no more requests, but its end is waited for, since a write on it may arrive until
     * then. {@return whether the lane does without it from now on}
     */
    boolean part(LaneConnection leaving);

    /** A version 1 write was sent; the next connection asks for it. */
    void confirmNext(UnconfirmedWrite write);

    /** The connection has ended and its requests are settled. */
    void closed(
        LaneConnection ended, ConnectionEnd.Reason reason, int answers, TransferException failure);
  }

  /** How long a target may go on answering what was sent before our output failed. */
  private static final long LAST_ANSWERS_MILLIS = 1000;

  private final Owner lane;
  private final PeerProfile peer;
  private final boolean version2;
  private final RequestRing ring;
  private final RequestWriter writer;
  private final RequestOutcomes outcomes;
  private final WriteConfirmation confirmation;
  private final IdentityCheck identity;
  private final LaneCallers callers;
  private final LaneSender sender;
  private final AnswerReader reader;

  private int answers;
  private boolean isOver;
  private boolean parted;
  private final LaneTerm term = new LaneTerm();

  private final StallWatch stall = new StallWatch();
  private @Nullable Throwable outputFault;
  private ConnectionEnd.Reason ended = ConnectionEnd.Reason.NONE;
  private @Nullable Throwable endCause;
  private String endText = "";

  LaneConnection(Owner lane, PeerProfile peer, LaneTasks tasks, WindowPool pool) {
    super(pool, pool.lanes(), peer.metrics());
    LaneStaging staging = new LaneStaging(pool, lane, this);
    this.lane = lane;
    this.peer = peer;
    this.version2 = peer.isVersion2();
    this.ring = new RequestRing(peer.ringCapacity(), peer.laneWindowBytes(), peer.nextConnection());
    this.writer = new RequestWriter(ring, version2, peer.isChecked() ? pool.checksum() : null);
    this.outcomes = new RequestOutcomes(peer, tasks, ring, lane::confirmNext);
    this.confirmation = new WriteConfirmation(ring, writer, staging);
    // One for each use: a body is summed while others come and go.
    this.identity =
        new IdentityCheck(peer.incarnation(), peer.isChecked() ? pool.checksum() : null);
    this.reader =
        new AnswerReader(
            ring, version2, peer.isChecked() ? pool.checksum() : null, identity, outcomes, this);
    this.callers = new LaneCallers(peer, tasks, ring, stall, lane, this);
    this.sender =
        new LaneSender(
            peer,
            tasks,
            ring,
            writer,
            outcomes,
            confirmation,
            identity,
            staging,
            term,
            stall,
            callers,
            lane,
            this);
  }

  // ---- sending

  @Override
  public void channelActive(ChannelHandlerContext unused) {
    stall.moved();
    lane.opened(this);
  }

  /** TLS has said who the peer is. */
  void secured(VerifiedPeer verified) {
    term.begins(verified, peer.tls().now());
  }

  @Override
  void onWritable() {
    pump();
  }

  /** Claims and sends as much as there is room for. */
  void pump() {
    sender.pump();
  }

  /** The connection is new, and begins with asking; {@return false to be woken when it can} */
  boolean confirm(UnconfirmedWrite write) {
    return sender.confirm(write);
  }

  @Override
  public OutboundStream stream() {
    return outbound();
  }

  @Override
  public boolean maySend() {
    return !parted && !hasEnded() && outputFault == null && channel().isActive();
  }

  @Override
  public void wakeLoop() {
    lane.wake();
  }

  @Override
  public void tookOver() {
    tellLoad();
  }

  /** {@return whether nothing is out, and nothing will be before the loop sends something} */
  boolean isQuiet() {
    return callers.letLoopSend() && ring.size() == 0;
  }

  @Override
  public boolean isWritable() {
    return channel().isWritable();
  }

  @Override
  public boolean isFresh() {
    return answers == 0;
  }

  @Override
  public void renew(String why) {
    end(ConnectionEnd.Reason.RENEWED, why, null);
  }

  @Override
  public void sendingFailed(Throwable fault) {
    fault(fault);
  }

  private void tellLoad() {
    if (!parted) {
      sender.tellLoad();
    }
  }

  /** {@return whether what was claimed still waits for the socket} */
  boolean isCongested() {
    return !channel().isWritable();
  }

  @Override
  public void bodyReleased(Object attachment) {
    throw new IllegalStateException("A lane attaches nothing to its bodies");
  }

  @Override
  public void outboundDrained() {
    // Dropped because the socket refused it, what was written is not sent whole. What ends the
    // stream then says nothing, be it ever so orderly: the failed write has taken the socket's
    // error away.
    if (!hasEnded()
        && !outbound().hasUnflushed()
        && confirmation.takeHalfClose()
        && outbound().isSentWhole()) {
      closeOutputLater();
    }
    super.outboundDrained();
  }

  // ---- answers

  @Override
  public long directBytes() {
    callers.look();
    return hasEnded() ? 0 : reader.directBytes();
  }

  @Override
  public long directAddress() {
    return reader.directAddress();
  }

  @Override
  public int stagedBytesLimit() {
    return reader.stagedBytesLimit();
  }

  @Override
  void onDirect(int bytes) {
    stall.moved();
    if (!hasEnded()) {
      reader.direct(bytes);
    }
  }

  @Override
  void onStaged(MemoryWindow window, long from, long to) {
    stall.moved();
    callers.look();
    reader.staged(from, to);
  }

  @Override
  public boolean hasEnded() {
    return ended != ConnectionEnd.Reason.NONE;
  }

  @Override
  public boolean isWriteSent(long position) {
    return outbound().oldestBodyEnd() > writer.streamEnd(position);
  }

  @Override
  public void proved() {
    if (peer.takesVectors()) {
      // So it does what every engine does that announces them.
      peer.learnt(ConnectionReuse.REUSED);
    }
  }

  @Override
  public void refused(int statusCode) {
    peer.metrics().increment(Counter.REQUESTS_REJECTED_BY_PEER);
    end(ConnectionEnd.Reason.REJECTED, "it refused a range (status " + statusCode + ")", null);
  }

  @Override
  public void another(String text) {
    end(ConnectionEnd.Reason.ANOTHER, text, null);
  }

  @Override
  public void broken(String text) {
    end(ConnectionEnd.Reason.PROTOCOL, text, null);
  }

  @Override
  public void damaged(String text) {
    end(ConnectionEnd.Reason.DAMAGED, text, null);
  }

  @Override
  public void answered(long position) {
    answers++;
    boolean write = ring.confirms(position);
    while (ring.first() <= position) {
      outcomes.answered(ring.first());
      ring.removeFirst();
    }
    if (peer.connectionReuse() == ConnectionReuse.UNKNOWN && answers == 2) {
      peer.learnt(ConnectionReuse.REUSED);
    }
    if (peer.connectionReuse() == ConnectionReuse.UNKNOWN && write && !hasEnded()) {
      confirmation.askOnceMore(ring.remote(position), outbound());
    }
    if (peer.connectionReuse() == ConnectionReuse.SINGLE_USE && !hasEnded()) {
      end(ConnectionEnd.Reason.RENEWED, "one request was answered on it", null);
    }
  }

  @Override
  void onReadComplete() {
    lane.answered(answers);
    // The next requests first: whoever waits for these answers is woken while they are under way.
    pump();
    outcomes.tell();
    tellLoad();
    if (parted && ring.size() == 0 && !hasEnded()) {
      end(ConnectionEnd.Reason.RENEWED, "its late write has arrived", null);
    }
    leaveIfDone();
  }

  // ---- the end

  /**
   * When the memory of a body is gone, the stream ends within it, and the target closes. Until then
   * it answers what was sent before.
   */
  @Override
  void onOutputFailed(Throwable cause) {
    callers.look();
    if (!hasEnded() && outputFault == null && LocalFaults.isBadAddress(cause)) {
      outputFault = cause;
      long position = ring.sentUpTo(outbound().sentBytes());
      if (position >= ring.first()) {
        outcomes.lost(position, cause);
      }
      var loop = context().executor();
      Runnable end =
          new Runnable() {
            @Override
            public void run() {
              onFault(cause);
            }
          };
      var _ = loop.schedule(end, LAST_ANSWERS_MILLIS, TimeUnit.MILLISECONDS);
    }
  }

  @Override
  void onEndOfStream(@Nullable Throwable error) {
    if (hasEnded()) {
      return;
    }
    callers.look();
    if (outputFault != null) {
      onFault(outputFault);
      return;
    }
    if (error != null && LocalFaults.isBadAddress(error) && reader.isBodyUnderWay()) {
      outcomes.lost(reader.next(), error);
      onFault(error);
      return;
    }
    // Our half-close need not have happened yet: peers up to 0.3.9 close by themselves, and an
    // orderly end says that they have read the body.
    if (error == null && outbound().isSentWhole() && confirmation.isOfOneLeft()) {
      lane.confirmNext(confirmation.takeLeft());
      end(ConnectionEnd.Reason.RENEWED, "its one write was sent", null);
      return;
    }
    // Not only while unknown: another lane may just have learnt it.
    if (peer.connectionReuse() != ConnectionReuse.REUSED && answers > 0 && !reader.hasBegun()) {
      peer.learnt(ConnectionReuse.SINGLE_USE);
      end(ConnectionEnd.Reason.RENEWED, "the peer closes after each request", null);
      return;
    }
    var reason =
        error == null && ring.size() == 0 ? ConnectionEnd.Reason.IDLE : ConnectionEnd.Reason.LOST;
    String text = error == null ? "the peer closed the connection" : "" + error;
    end(reason, text + term.note(peer.tls().now()), error);
  }

  /** Closes the connection; its requests are settled once it has. On the event loop. */
  void end(ConnectionEnd.Reason reason, String text, @Nullable Throwable cause) {
    if (!hasEnded()) {
      ended = reason;
      endText = text;
      endCause = cause;
      try {
        callers.end();
        if (reason == ConnectionEnd.Reason.IDLE && ring.size() > 0) {
          ended = ConnectionEnd.Reason.LOST; // A caller had begun meanwhile.
        }
      } finally {
        tellLoad();
        close();
      }
    }
  }

  /**
   * A task has ended: its requests on this connection keep their places, so that the stream stays
   * in step and whoever shares it does not notice, but touch its memory no more.
   *
   * @return whether none of them touches it any more
   */
  boolean orphan(TransferTask task) {
    callers.look();
    if (hasEnded() || !ring.contains(task)) {
      return true;
    }
    if (peer.connectionReuse() != ConnectionReuse.REUSED) {
      // It has the connection to itself. To wait for the answer would only keep others waiting.
      if (!part(task)) {
        abort();
      }
      return true;
    }
    try {
      return sender.orphan(task, new LetGo(this, false));
    } catch (Throwable t) {
      fault(t);
      return true;
    }
  }

  /**
   * Ends the stream here and leaves the lane, so that a write that has begun keeps newer ones to
   * the same place waiting until the target has ended the connection, too: only then can no more of
   * it arrive.
   *
   * @return false if there is no such write, or it cannot be waited for
   */
  private boolean part(TransferTask task) {
    long position = ring.first();
    if (!version2
        || ring.size() != 1
        || ring.isRead(position)
        || ring.streamStart(position) >= outbound().sentBytes()
        || !lane.part(this)) {
      return false;
    }
    parted = true;
    try {
      var _ = ((DuplexChannel) channel()).shutdownOutput();
      // A kernel that writes later may still look at the memory.
      return outbound().isDrained() && outcomes.orphan(task, new LetGo(this, true));
    } catch (Throwable t) {
      fault(t);
      return true;
    }
  }

  /** {@return whether a request of the task is out on this connection} */
  boolean carries(TransferTask task) {
    callers.look();
    return ring.contains(task);
  }

  @Override
  public String toString() {
    return "%s, ended %s, %s, %d answers, %s, %s; %s; %s"
        .formatted(
            peer.connectionReuse(),
            ended,
            ring,
            answers,
            confirmation,
            reader,
            outbound(),
            channel());
  }

  /** {@return whether nothing looks at the memory of a request any more} */
  @Override
  public boolean letGo(long position) {
    if (!ring.isRead(position)) {
      // Small bodies were copied when they were sent.
      return ring.length(position) < StagingBlock.DIRECT_BYTES_MIN
          || outbound().copyAside(ring.streamStart(position), writer.streamEnd(position));
    }
    if (position == reader.next() && reader.isBodyUnderWay()) {
      if (isDirectWindowOut()) {
        return false;
      }
      reader.dropBody();
    }
    return true;
  }

  /** Closes the connection although others may share it: a task's memory is not free otherwise. */
  void abort(TransferTask task) {
    if (!orphan(task)) {
      abort();
    }
  }

  private void abort() {
    end(ConnectionEnd.Reason.ABORTED, "a transfer on it ended while the peer did not answer", null);
  }

  @Override
  void onFault(Throwable fault) {
    end(ConnectionEnd.Reason.FAULT, "", fault);
  }

  /** Ends the connection when something is out and nothing has moved for so long. */
  void endIfStalled(long nowNanos, long limitNanos) {
    finishClosing();
    callers.look();
    if (stall.isOver(outbound(), nowNanos, limitNanos)
        && (ring.size() > 0 || !identity.letsRequestsFollow())) {
      long seconds = TimeUnit.NANOSECONDS.toSeconds(limitNanos);
      end(ConnectionEnd.Reason.LOST, "no answer for " + seconds + " s", null);
    }
  }

  /** Lets the connection end in order when a certificate has that it was made with. */
  void endIfExpired(Instant now) {
    try {
      term.look(now);
      leaveIfDone();
    } catch (Throwable t) {
      fault(t);
    }
  }

  private void leaveIfDone() {
    if (term.isOver() && ring.size() == 0) {
      end(ConnectionEnd.Reason.RENEWED, term.why(), null);
    }
  }

  @Override
  void onQuiesced() {
    if (isOver) {
      return; // It has thrown; the lane has another connection by now.
    }
    // First: if there is no memory for these, the end is told at the next look.
    ConnectionEnd end = new ConnectionEnd(ended, endText, endCause, answers);
    TransferException failure = end.failure(peer.name(), version2);
    callers.end();
    isOver = true;
    try {
      outcomes.tell();
      outcomes.unanswered(end, outbound().sentBytes());
    } finally {
      // Whatever happens, the lane may connect again.
      lane.closed(this, ended, answers, failure);
    }
  }
}
