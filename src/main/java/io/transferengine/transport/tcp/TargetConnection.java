// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelOutputShutdownEvent;
import io.netty.util.concurrent.EventExecutor;
import io.transferengine.access.PeerIdentity;
import io.transferengine.memory.Region;
import io.transferengine.net.Place;
import io.transferengine.tls.VerifiedPeer;
import java.net.InetAddress;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The target's end of a data connection: serves the requests that its {@link RequestReader} finds
 * in the stream one after another, and checks that each range lies inside one registration.
 *
 * <p>Requests may be pipelined and are answered in order. A peer is not trusted: sizes and
 * addresses are used only after the check, and while a body is under way its region has a use more,
 * so that it cannot be unregistered below it. A request that is refused ends the connection
 * (protocol section 7.3): version 2 gets a status frame and is then read from, but not listened to,
 * for a moment, because a reset would take the status frame with it; version 1 has no other way to
 * be told than that reset.
 *
 * <p>Answers to reads wait in the outbound queue. When that is full no further request is looked at
 * until it has drained.
 */
final class TargetConnection extends WireHandler
    implements RequestReader.Listener, VersionOneMember.Connection {
  /** Made with the connection, for the same reason as in {@link WireHandler}. */
  private final Runnable resumes = guarded(this::resume);

  private final TargetContext context;
  private final Consumer<TargetConnection> gone;
  private VersionOneMember order = new VersionOneMember();
  private final EventExecutor loop;
  private final WindowPool pool;
  private final StagingShare share;
  private boolean hasLeft;
  private final HeldInput held = new HeldInput();
  private final Admission admission;
  private final VectorTable vector = new VectorTable();
  private final InboundCounts counts;
  private final RequestReader reader;
  private @Nullable Answers answers;
  private @Nullable Refusals refusals;

  /** Made when a peer first asks for device memory. */
  private @Nullable InboundStaging staging;

  private boolean parsing;
  private boolean inputEnded;
  private boolean ended;
  private long bytesReceived;
  private final InboundTimeouts timeouts;

  /**
   * @param share of its address, which it has joined
   * @param gone told once it is closed and touches no memory any more; on its event loop
   */
  TargetConnection(
      TargetContext context,
      EventExecutor loop,
      WindowPool pool,
      StagingShare share,
      InetAddress from,
      Consumer<TargetConnection> gone) {
    super(pool, share, context.metrics());
    this.share = share;
    this.context = context;
    this.gone = gone;
    this.loop = loop;
    this.pool = pool;
    this.admission = new Admission(context, PeerIdentity.unproved(from));
    this.counts = new InboundCounts(context.metrics());
    this.reader = new RequestReader(vector, counts, pool::checksum, this);
    this.timeouts = new InboundTimeouts(context, loop, from, this::isUnderWay, this::end);
  }

  /** TLS has said who the peer is; on its event loop, before it can ask for anything. */
  void proved(VerifiedPeer peer) {
    admission.proved(peer);
  }

  /** The peer has proved these names, too; on its event loop, before it can ask for anything. */
  void proved(List<String> names) {
    admission.proved(names);
  }

  /** Its version 1 requests have their place among those of others. */
  void takesPlace(VersionOneMember member) {
    order = member;
    member.serves(this);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    super.handlerAdded(added);
    Answers made = new Answers(added.channel(), outbound(), pool);
    answers = made;
    refusals = new Refusals(context, admission, added.channel(), outbound(), made, this::end);
  }

  private Refusals refusals() {
    return Objects.requireNonNull(refusals, "The handler is not on a channel yet");
  }

  private boolean isRefused() {
    return refusals().isLingering();
  }

  private Answers answers() {
    return Objects.requireNonNull(answers, "The handler is not on a channel yet");
  }

  /** {@return the event loop that it is confined to; any thread may ask} */
  EventExecutor loop() {
    return loop;
  }

  // ---- where the next bytes go

  @Override
  public long directBytes() {
    return isRefused() ? 0 : reader.directBytes();
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
  public int consumedBytesLimit() {
    return reader.consumedBytesLimit();
  }

  @Override
  public void onStagingDry() {
    if (reader.isBlocked()) {
      // Reading is off until its answers have drained. Only the kernel's word of a half-close makes
      // Netty read all the same; that word is not repeated.
      writeWithoutPause();
    } else {
      super.onStagingDry();
    }
  }

  @Override
  void onDirect(int bytes) {
    timeouts.moved();
    bytesReceived += bytes;
    reader.directArrived(bytes);
    if (reader.isBlocked()) {
      channel().config().setAutoRead(false);
    }
  }

  @Override
  void onStaged(MemoryWindow window, long from, long to) {
    timeouts.moved();
    bytesReceived += to - from;
    long at = reader.isBlocked() ? from : parseOnce(from, to);
    if (at < to) {
      held.add(window, at);
    }
    if (reader.isBlocked()) {
      channel().config().setAutoRead(false);
    }
  }

  @Override
  void onWritable() {
    resume();
  }

  @Override
  public void outboundDrained() {
    super.outboundDrained();
    timeouts.restIfIdle();
    if (reader.isBlocked() && !ended) {
      // Not from within the flush that has just emptied the queue. Reading is asked for before,
      // lest epoll waits for nothing, see writeWithoutPause; if it does already, that is an error.
      // Not where the kernel reads later: the connection's own blocks may hold what waits.
      if (!pool.reserve().isNeeded() && (!inputEnded || !outbound().isFlushing())) {
        channel().config().setAutoRead(true);
      }
      loop.execute(resumes);
    }
  }

  /** Goes on with what waits. Parsing flushes, and a flush tells of new room before it returns. */
  private void resume() {
    while (reader.isBlocked() && !parsing) {
      held.consumedTo(parseOnce(held.from(), held.end()));
      if (reader.isBlocked()) {
        channel().config().setAutoRead(false);
        // Last: it may tell of room, and all goes on from within it.
        outbound().flush();
        return;
      }
      reader.setBlocked(!held.isEmpty());
      if (!reader.isBlocked()) {
        outbound().flush();
        if (inputEnded) {
          onEndOfStream(null);
        } else if (!ended) {
          channel().config().setAutoRead(true);
          order.inputMayHaveCome();
        }
      }
    }
    timeouts.restIfIdle();
  }

  private long parseOnce(long from, long to) {
    parsing = true;
    try {
      return reader.parse(from, to);
    } finally {
      parsing = false;
    }
  }

  // ---- what the reader asks and tells

  @Override
  public boolean isListening() {
    return !isRefused() && !ended;
  }

  @Override
  public boolean hasRoom() {
    return answers().hasRoom();
  }

  @Override
  public boolean mayBegin(long size, long address, int opcode) {
    if (refusals().isExpired()) {
      refusals().leave();
      return true;
    }
    boolean may = order.mayBegin(size, address, opcode);
    if (may) {
      request(size, address, opcode);
    }
    return may;
  }

  @Override
  public void written() {
    answers().status(Frames.STATUS_OK);
  }

  @Override
  public void damagedRequest(String what) {
    refusals().damaged(what);
  }

  @Override
  public void damagedBody() {
    context.damaged(channel(), "the body of a write, which is in place here until it comes again");
    answers().status(Frames.STATUS_DAMAGED_BODY);
  }

  @Override
  public void lost(boolean version2, long address, int bytes) {
    refusals().range(version2, "write", address, bytes, Refusals.LOST_MAPPING);
  }

  /** {@return whether it is over: answered, or cut off since its memory is gone} */
  @Override
  public boolean answerVector() {
    try {
      if (!answers().readAll(vector)) {
        return false;
      }
    } catch (InternalError lost) {
      // Its status has promised the rest: no other word than the end of the connection is left.
      endForLost("a vectored read, one of its ranges");
    }
    vector.clear();
    return true;
  }

  @Override
  public void onTurn() {
    try {
      resume();
      outbound().flush();
      counts.handOver();
    } catch (Throwable t) {
      fault(t);
    }
  }

  @Override
  public boolean isInVersion1Write(long from, long to) {
    return reader.isInVersion1Write(from, to);
  }

  @Override
  public boolean isReading() {
    return !reader.isBlocked() && isListening();
  }

  @Override
  public boolean isHeld() {
    return reader.isVersion1Held() && isListening();
  }

  @Override
  public long bytesReceived() {
    return bytesReceived;
  }

  @Override
  public long bytesReceivedSoon() {
    return bytesReceived + channel().config().getOption(ChannelOption.SO_RCVBUF);
  }

  // ---- requests

  private void request(long size, long address, int opcode) {
    boolean version2 = (opcode & Frames.VERSION_2_BIT) != 0;
    boolean asksWho = (opcode | 1) == (Frames.OPCODE_HELLO | Frames.VERSION_2_BIT);
    if (!asksWho) {
      counts.request();
    }
    if (reader.isChecked() && size > Frames.CHECKED_BYTES_LIMIT && !asksWho) {
      refusals()
          .request(
              "a checked request for %d bytes, beyond the limit of %d"
                  .formatted(size, Frames.CHECKED_BYTES_LIMIT));
      return;
    }
    switch (opcode & ~Frames.VERSION_2_BIT) {
      case Frames.OPCODE_READ -> range(false, address, size, version2);
      case Frames.OPCODE_WRITE -> range(true, address, size, version2);
      case Frames.OPCODE_VECTOR_READ, Frames.OPCODE_VECTOR_WRITE -> {
        boolean write = opcode == (Frames.OPCODE_VECTOR_WRITE | Frames.VERSION_2_BIT);
        if (!version2) {
          refusals().unknown(opcode, size);
        } else if (!vector.begin(size, address, write, reader.isChecked())) {
          refusals().vector(size, address);
        }
      }
      case Frames.OPCODE_IDENTITY -> {
        if (!version2 || size != 0 || reader.isChecked()) {
          refusals().unknown(opcode, size);
        } else {
          refusals().unlessMeant(address);
        }
      }
      case Frames.OPCODE_HELLO -> {
        if (!version2 || size != Frames.HELLO_MARK) {
          refusals().unknown(opcode, size);
        } else {
          reader.checked();
          answers().checked();
          refusals().unlessMeant(address);
        }
      }
      default -> refusals().unknown(opcode, size);
    }
  }

  @Override
  public void tableArrived() {
    int bad = vector.admit(admission);
    if (bad >= 0) {
      refusals().rangeOf(vector, bad);
      vector.clear();
    } else if (vector.isStaged()) {
      reader.expect(new StagedRequest(staging(), vector), staging());
    } else if (!vector.isWrite()) {
      reader.expectNoBody();
      counts.read(vector.bytes());
      answers().beginAll();
    }
  }

  private void range(boolean write, long address, long size, boolean version2) {
    Region region = admission.acquire(address, size, write);
    if (region == null) {
      refusals().range(version2, write ? "write" : "read", address, size, admission.why());
    } else if (!region.isTouchable()) {
      stage(region, address, size, write, version2);
    } else if (write) {
      reader.expectBody(region, address, size, version2);
    } else {
      answerRead(region, address, size, version2);
    }
  }

  private void stage(Region region, long address, long size, boolean write, boolean version2) {
    try {
      reader.expect(staging().plain(region, address, size, write, version2), staging());
    } catch (Throwable t) {
      region.release();
      throw t;
    }
  }

  private InboundStaging staging() {
    InboundStaging there = staging;
    if (there == null) {
      there =
          new InboundStaging(
              context.staging(), admission, refusals(), answers(), counts, order, loop, resumes);
      staging = there;
    }
    return there;
  }

  private void answerRead(Region region, long address, long size, boolean version2) {
    reader.expectNoBody();
    try {
      if (answers().read(region, address, size, version2)) {
        region.release();
      }
    } catch (InternalError lost) {
      region.release();
      refusals().range(version2, "read", address, size, Refusals.LOST_MAPPING);
      return;
    } catch (Throwable t) {
      region.release();
      throw t;
    }
    counts.read(size);
  }

  @Override
  public void bodyReleased(Object attachment) {
    timeouts.moved();
    if (attachment instanceof StagedRequest.Piece piece) {
      piece.release();
    } else {
      ((Region) attachment).release();
    }
  }

  // ---- the end

  /**
   * A write failed: the peer is gone, and nothing it asked for can be answered any more. Netty only
   * shuts the output down, since with {@code AUTO_CLOSE} what has arrived would be lost at the
   * initiator's end; while reading is switched off there is no other word of a reset.
   */
  @Override
  public void userEventTriggered(ChannelHandlerContext unused, Object event) {
    if (event == ChannelOutputShutdownEvent.INSTANCE && !isRefused()) {
      end();
    } else {
      super.userEventTriggered(unused, event);
    }
  }

  @Override
  void onReadComplete() {
    order.readComplete(hasEmptiedSocket());
    counts.handOver();
    timeouts.restIfIdle();
  }

  @Override
  void onEndOfStream(@Nullable Throwable error) {
    if (ended) {
      return;
    }
    if (error == null) {
      writeWithoutPause();
    }
    if (isRefused()) {
      end();
    } else if (LocalFaults.isBadAddress(error)) {
      endForLost("a write to 0x%x".formatted(reader.bodyAddress()));
    } else if (reader.isBlocked() && error == null) {
      // Once the requests that wait have been looked at.
      inputEnded = true;
    } else if (!reader.isBlocked() && reader.isWithinRequest()) {
      context.warn(
          channel(),
          reader.bodyBytesLeft() > 0
              ? "the end of the stream %d bytes before the end of a body"
                  .formatted(reader.bodyBytesLeft())
              : "the end of the stream within a request header or its table");
      end();
    } else if (error != null) {
      end();
    } else {
      // Half-closed between two requests: what was asked for is still answered.
      closeWhenSent();
    }
  }

  @Override
  void onOutputFailed(Throwable cause) {
    if (!ended && LocalFaults.isBadAddress(cause)) {
      endForLost("a read of registered memory");
    }
    context.sendingFailed(channel(), cause);
  }

  private void endForLost(String what) {
    context.warn(channel(), what + ", " + Refusals.LOST_MAPPING);
    end();
  }

  @Override
  void onFault(Throwable fault) {
    end();
  }

  /** Closes the connection; on the event loop. */
  void end() {
    ended = true;
    close();
  }

  /** {@return whether bytes of a range are being moved; on the event loop} */
  boolean isUsing(long start, long end) {
    return reader.isUsing(start, end) || outbound().isSendingFrom(start, end);
  }

  /** {@return what it holds while it is there; any thread may ask} */
  Place place() {
    return timeouts.place();
  }

  /** It takes no staging any more; may be called again. On its event loop. */
  void leave() {
    if (!hasLeft) {
      hasLeft = true;
      pool.leave(place().address(), share);
    }
  }

  private boolean isUnderWay() {
    return reader.isWithinRequest()
        || reader.isBlocked()
        || !outbound().isDrained()
        || outbound().hasUnflushed();
  }

  /** {@return answers that the kernel has not taken, in bytes; on its event loop} */
  long queuedBytes() {
    return channel().isOpen() ? outbound().waitingBytes() : 0;
  }

  /** Closes the connection if it has stalled, or never asks for anything. */
  void endIfOverdue(long nowNanos) {
    finishClosing();
    if (order.isWaiting()) {
      timeouts.moved();
    } else if (reader.isHeldByDevice() && outbound().isDrained()) {
      if (reader.waitsForDevice()) {
        timeouts.moved();
      }
      resumes.run(); // There may have been no memory to wake it.
    }
    timeouts.endIfOverdue(channel(), outbound(), nowNanos, reader.bodyBytesLeft());
  }

  /** Lets the connection end behind what has begun, if the peer's certificate has ended. */
  void endIfExpired(Instant now) {
    if (!ended) {
      try {
        refusals().expireIfOver(now, reader.isWithinRequest() || reader.isBlocked());
      } catch (Throwable t) {
        fault(t);
      }
    }
  }

  @Override
  void onQuiesced() {
    // In this order: it is called again after a throw, as long as it is known to the server.
    held.clear();
    reader.clear();
    if (staging != null) {
      staging.end();
    }
    counts.handOver();
    gone.accept(this);
  }
}
