// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelOutputShutdownEvent;
import io.netty.util.concurrent.EventExecutor;
import io.transferengine.memory.Region;
import io.transferengine.net.Place;
import java.net.InetAddress;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The target's end of a data connection: takes requests one after another, checks that each range
 * lies inside one registration, and moves its body.
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
final class TargetConnection extends WireHandler {
  private final TargetServer server;
  private VersionOneMember order = new VersionOneMember();
  private final EventExecutor loop;
  private final WindowPool pool;
  private final RequestHeader header = new RequestHeader();
  private final HeldInput held = new HeldInput();
  private final VectorTable vector = new VectorTable();
  private final InboundCounts counts;
  private @Nullable Answers answers;
  private @Nullable Refusals refusals;
  private @Nullable Region bodyRegion;
  private long bodyAddress;
  private long bodyBytesLeft;
  private long bodyBytes;
  private boolean bodyIsVersion2;
  private boolean lastBodyWasLarge;

  /** Whether no further request is looked at until answers have drained. Reading is off then. */
  private boolean blocked;

  private boolean parsing;
  private boolean inputEnded;
  private boolean ended;
  private long bytesReceived;
  private final Tenure tenure;

  TargetConnection(TargetServer server, EventExecutor loop, WindowPool pool, InetAddress from) {
    super(pool, WindowPool.Share.PEERS);
    this.server = server;
    this.loop = loop;
    this.pool = pool;
    this.counts = new InboundCounts(server.metrics());
    this.tenure = new Tenure(server, loop, from, this::isUnderWay, this::end);
  }

  /** Its version 1 requests have their place among those of others. */
  void takesPlace(VersionOneMember member) {
    order = member;
    member.serves(this);
  }

  @Override
  public void handlerAdded(ChannelHandlerContext added) {
    super.handlerAdded(added);
    Answers made = new Answers(added.channel(), outlet(), pool);
    answers = made;
    refusals = new Refusals(server, added.channel(), outlet(), made, this::end);
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
    return bodyBytes >= DIRECT_BYTES_MIN && !isRefused() && !blocked ? bodyBytesLeft : 0;
  }

  @Override
  public long directAddress() {
    return bodyAddress;
  }

  @Override
  public int stagedBytesLimit() {
    // After a large body another one is likely: then the header alone, so that none of the body
    // has to be copied out of staging. A table that has begun is taken as it comes.
    return lastBodyWasLarge && bodyBytesLeft == 0 && !vector.isActive()
        ? Math.max(1, header.missingBytes())
        : Integer.MAX_VALUE;
  }

  @Override
  public int consumedBytesLimit() {
    if (blocked) {
      return 0;
    } else if (isRefused() || ended) {
      return Integer.MAX_VALUE;
    } else if (bodyBytesLeft > 0) {
      long bodies =
          vector.isActive() ? vector.bytesLeft() - bodyBytes + bodyBytesLeft : bodyBytesLeft;
      return (int) Math.min(bodies, Integer.MAX_VALUE);
    }
    return vector.isActive() ? vector.missingBytes() : header.missingBytes();
  }

  @Override
  public void onStagingDry() {
    if (blocked) {
      // Reading is off until its answers have drained. Only the kernel's word of a half-close makes
      // Netty read all the same; that word is not repeated.
      writeWithoutPause();
    } else {
      super.onStagingDry();
    }
  }

  @Override
  void onDirect(int bytes) {
    tenure.moved();
    bytesReceived += bytes;
    bodyArrived(bytes);
  }

  @Override
  void onStaged(MemoryWindow window, long from, long to) {
    tenure.moved();
    bytesReceived += to - from;
    long at = blocked ? from : parseOnce(from, to);
    if (at < to) {
      held.add(window, at);
    }
    if (blocked) {
      channel().config().setAutoRead(false);
    }
  }

  @Override
  void onWritable() {
    resume();
  }

  @Override
  public void outletDrained() {
    super.outletDrained();
    tenure.restIfIdle();
    if (blocked && !ended) {
      // Not from within the flush that has just emptied the queue. Reading is asked for before,
      // lest epoll waits for nothing, see writeWithoutPause; if it does already, that is an error.
      if (!inputEnded || !outlet().isFlushing()) {
        channel().config().setAutoRead(true);
      }
      loop.execute(() -> guarded(this::resume));
    }
  }

  /** Goes on with what waits. Parsing flushes, and a flush tells of new room before it returns. */
  private void resume() {
    while (blocked && !parsing) {
      held.consumedTo(parseOnce(held.from(), held.end()));
      if (blocked) {
        channel().config().setAutoRead(false);
        // Last: it may tell of room, and all goes on from within it.
        outlet().flush();
        return;
      }
      blocked = !held.isEmpty();
      if (!blocked) {
        outlet().flush();
        if (inputEnded) {
          onEndOfStream(null);
        } else if (!ended) {
          channel().config().setAutoRead(true);
          order.inputMayHaveCome();
        }
      }
    }
    tenure.restIfIdle();
  }

  private long parseOnce(long from, long to) {
    parsing = true;
    try {
      return parse(from, to);
    } finally {
      parsing = false;
    }
  }

  /** {@return how far it came: not to the end when it is {@link #blocked} there} */
  private long parse(long from, long to) {
    long at = from;
    blocked = false;
    while (!isRefused() && !ended) {
      if (bodyBytesLeft > 0 && at < to) {
        int bytes = (int) Math.min(bodyBytesLeft, to - at);
        if (copyIn(at, bytes)) {
          at += bytes;
          bodyArrived(bytes);
        }
      } else if (vector.isAdmitted() && !vector.isWrite()) {
        blocked = !answerVector();
        if (blocked) {
          return at;
        }
      } else if (at < to && vector.isActive()) {
        int bytes = (int) Math.min(vector.missingBytes(), to - at);
        vector.fill(at, bytes);
        at += bytes;
        if (vector.missingBytes() == 0) {
          beginVector();
        }
      } else if (at < to
          && !header.isComplete()
          && !(header.isEmpty() && to - at >= Frames.HEADER_BYTES)) {
        int bytes = (int) Math.min(header.missingBytes(), to - at);
        header.add(at, bytes);
        at += bytes;
      } else if (at == to && !header.isComplete()) {
        return at;
      } else if (!answers().hasRoom()) {
        if (!header.isComplete() && to - at == Frames.HEADER_BYTES) {
          // It came by itself, perhaps through the loop's one block for reads: not to be held.
          header.add(at, Frames.HEADER_BYTES);
          at = to;
        }
        blocked = true;
        return at;
      } else if (header.isComplete()) {
        blocked = !mayBegin(header.size(), header.address(), header.opcode());
        if (blocked) {
          return at;
        }
        header.clear();
      } else if (mayBegin(
          Frames.headerSize(at), Frames.headerAddress(at), Frames.headerOpcode(at))) {
        at += Frames.HEADER_BYTES;
      } else {
        header.add(at, Frames.HEADER_BYTES);
        blocked = true;
        return at + Frames.HEADER_BYTES;
      }
    }
    return to;
  }

  /** {@return false when the memory is gone: then the request is refused} */
  private boolean copyIn(long from, int bytes) {
    try {
      MemoryWindow.copy(from, bodyAddress, bytes);
      MemoryWindow.tellFaults();
      return true;
    } catch (InternalError lost) {
      boolean version2 = bodyIsVersion2 || vector.isActive();
      refusals().range(version2, "write", bodyAddress, bytes, Refusals.LOST_MAPPING);
      return false;
    }
  }

  /** {@return whether it is over: answered, or cut off since its memory is gone} */
  private boolean answerVector() {
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

  /** {@return whether the request has begun; if not, it waits for its turn} */
  private boolean mayBegin(long size, long address, int opcode) {
    boolean may = order.mayBegin(size, address, opcode);
    if (may) {
      request(size, address, opcode);
    }
    return may;
  }

  /** The request that waited for others may begin. */
  void onTurn() {
    guarded(
        () -> {
          resume();
          outlet().flush();
          counts.handOver();
        });
  }

  /** {@return whether a version 1 write is under way that has bytes of a range still to come} */
  boolean isInVersion1Write(long from, long to) {
    return bodyBytesLeft > 0
        && !bodyIsVersion2
        && !vector.isActive()
        && bodyAddress < to
        && bodyAddress + bodyBytesLeft > from;
  }

  /** {@return whether what the kernel has for us is read, and is looked at when it is} */
  boolean isReading() {
    return !blocked && !isRefused() && !ended;
  }

  /** {@return the bytes that have arrived in all} */
  long bytesReceived() {
    return bytesReceived;
  }

  /** {@return the bytes that will have arrived when all is read that the kernel has now} */
  long bytesReceivedSoon() {
    return bytesReceived + channel().config().getOption(ChannelOption.SO_RCVBUF);
  }

  // ---- requests

  private void request(long size, long address, int opcode) {
    boolean version2 = (opcode & Frames.VERSION_2_BIT) != 0;
    if (opcode != (Frames.OPCODE_IDENTITY | Frames.VERSION_2_BIT)) {
      counts.request();
    }
    switch (opcode & ~Frames.VERSION_2_BIT) {
      case Frames.OPCODE_READ -> {
        Region region = use(address, size);
        if (region == null) {
          refusals().range(version2, "read", address, size, Refusals.NOT_REGISTERED);
        } else {
          answerRead(region, address, size, version2);
        }
      }
      case Frames.OPCODE_WRITE -> {
        Region region = use(address, size);
        if (region == null) {
          refusals().range(version2, "write", address, size, Refusals.NOT_REGISTERED);
        } else {
          bodyRegion = region;
          bodyAddress = address;
          bodyBytes = size;
          bodyBytesLeft = size;
          bodyIsVersion2 = version2;
        }
      }
      case Frames.OPCODE_VECTOR_READ, Frames.OPCODE_VECTOR_WRITE -> {
        boolean write = opcode == (Frames.OPCODE_VECTOR_WRITE | Frames.VERSION_2_BIT);
        if (!version2) {
          refusals().unknown(opcode);
        } else if (!vector.begin(size, address, write)) {
          refusals()
              .request(
                  "a vectored request for %d ranges of %d bytes, beyond the limits of %d and %d"
                      .formatted(
                          address, size, Frames.VECTOR_RANGES_LIMIT, Frames.VECTOR_BYTES_LIMIT));
        }
      }
      case Frames.OPCODE_IDENTITY -> {
        if (!version2 || size != 0) {
          refusals().unknown(opcode);
        } else {
          refusals().unlessMeant(address);
        }
      }
      default -> refusals().unknown(opcode);
    }
  }

  /** Its table is complete. */
  private void beginVector() {
    int bad = vector.admit(server.regions());
    if (bad >= 0) {
      String text =
          ("a vectored %s whose range %d, %d bytes at 0x%x, is not wholly inside one registration"
                  + " or disagrees with the %d bytes of all")
              .formatted(
                  vector.isWrite() ? "write" : "read",
                  bad,
                  vector.length(bad),
                  vector.address(bad),
                  vector.bytes());
      vector.clear();
      refusals().request(text);
    } else if (vector.isWrite()) {
      aimAtRange();
    } else {
      lastBodyWasLarge = false;
      counts.read(vector.bytes());
      answers().status(true);
    }
  }

  private void aimAtRange() {
    bodyAddress = vector.address();
    bodyBytes = vector.length();
    bodyBytesLeft = bodyBytes;
  }

  private void rangeArrived() {
    vector.advance();
    if (vector.hasRange()) {
      aimAtRange();
      return;
    }
    vector.clear();
    lastBodyWasLarge = false;
    bodyBytes = 0;
    answers().status(true);
  }

  private @Nullable Region use(long address, long size) {
    Region region = size <= 0 ? null : server.regions().find(address, size);
    // Device memory is registered for RDMA only: the processor would fault on it.
    return region != null && region.isHostMemory() && region.acquire(address, size) ? region : null;
  }

  private void bodyArrived(int bytes) {
    bodyAddress += bytes;
    bodyBytesLeft -= bytes;
    counts.written(bytes);
    if (bodyBytesLeft > 0) {
      return;
    }
    if (vector.isActive()) {
      rangeArrived();
    } else if (bodyRegion != null) {
      lastBodyWasLarge = bodyBytes >= DIRECT_BYTES_MIN;
      bodyRegion.release();
      bodyRegion = null;
      bodyBytes = 0;
      if (bodyIsVersion2) {
        answers().status(true);
      }
    }
  }

  private void answerRead(Region region, long address, long size, boolean version2) {
    lastBodyWasLarge = false;
    try {
      answers().read(region, address, size, version2);
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
    tenure.moved();
    ((Region) attachment).release();
  }

  // ---- the end

  /**
   * A write failed: the peer is gone, and nothing it asked for can be answered any more. Netty only
   * shuts the output down, since with {@code AUTO_CLOSE} what has arrived would be lost at the
   * initiator's end; while reading is switched off there is no other word of a reset.
   */
  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event == ChannelOutputShutdownEvent.INSTANCE && !isRefused()) {
      end();
    } else {
      super.userEventTriggered(context, event);
    }
  }

  @Override
  void onReadComplete() {
    order.readComplete(hasEmptiedSocket());
    counts.handOver();
    tenure.restIfIdle();
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
      endForLost("a write to 0x%x".formatted(bodyAddress));
    } else if (blocked && error == null) {
      // Once the requests that wait have been looked at.
      inputEnded = true;
    } else if (!blocked && (bodyBytesLeft > 0 || !header.isEmpty() || vector.isActive())) {
      server.warn(
          channel(),
          bodyBytesLeft > 0
              ? "the end of the stream %d bytes before the end of a body".formatted(bodyBytesLeft)
              : "the end of the stream within a request header or its table");
      end();
    } else if (error != null) {
      end();
    } else {
      // Half-closed between two requests: what was asked for is still answered.
      outlet().flush();
      var _ =
          channel().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(ChannelFutureListener.CLOSE);
    }
  }

  @Override
  void onOutputFailed(Throwable cause) {
    if (!ended && LocalFaults.isBadAddress(cause)) {
      endForLost("a read of registered memory");
    }
  }

  private void endForLost(String what) {
    server.warn(channel(), what + ", " + Refusals.LOST_MAPPING);
    end();
  }

  @Override
  void onFault(Throwable fault) {
    end();
  }

  /** Closes the connection; on the event loop. */
  void end() {
    ended = true;
    var _ = channel().close();
  }

  /** {@return whether bytes of a range are being moved; on the event loop} */
  boolean isUsing(long start, long end) {
    boolean writing = bodyBytesLeft > 0 && bodyAddress < end && bodyAddress + bodyBytesLeft > start;
    return writing || vector.isUsing(start, end) || outlet().isSendingFrom(start, end);
  }

  /** {@return what it holds while it is there; any thread may ask} */
  Place place() {
    return tenure.place();
  }

  private boolean isUnderWay() {
    return bodyBytesLeft > 0
        || !header.isEmpty()
        || vector.isActive()
        || blocked
        || !outlet().isDrained()
        || outlet().hasUnflushed();
  }

  /** Closes the connection if it has stalled, or never asks for anything. */
  void endIfOverdue(long nowNanos) {
    if (order.isWaiting()) {
      tenure.moved();
    }
    tenure.endIfOverdue(channel(), outlet(), nowNanos, bodyBytesLeft);
  }

  @Override
  void onQuiesced() {
    counts.handOver();
    held.clear();
    Region region = bodyRegion;
    if (region != null) {
      bodyRegion = null;
      region.release();
    }
    vector.clear();
    server.gone(this);
  }
}
