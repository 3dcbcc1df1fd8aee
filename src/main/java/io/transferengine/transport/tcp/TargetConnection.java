// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOption;
import io.netty.channel.socket.ChannelOutputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.EventExecutor;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.EngineMetrics;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.concurrent.TimeUnit;
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

  /** How long a refused peer may go on sending before its connection is closed hard. */
  private static final long LINGER_MILLIS = 1000;

  /**
   * Writes in a row after a half-close; never reached. Netty's epoll takes a channel that waits for
   * neither input nor room out of its set and does not notice when it should be put back (seen in
   * 4.2.18: epoll_ctl ENOENT, and what waited was dropped). That state lasts a moment whenever the
   * usual 16 writes are used up, so after the input has ended they must not be.
   */
  private static final int WRITES_AFTER_HALF_CLOSE = Integer.MAX_VALUE / 2;

  private final TargetServer server;

  /** What keeps its version 1 requests behind those of the peer's other connections. */
  private VersionOneMember order = new VersionOneMember();

  private final EventExecutor loop;
  private final EngineMetrics metrics;
  private final InboundCounts counts;
  private final MemorySegment partialHeader = Arena.ofAuto().allocate(Frames.HEADER_BYTES, 8);

  /** Bytes of {@link #partialHeader} that have arrived. */
  private int headerBytes;

  private @Nullable Region bodyRegion;
  private long bodyAddress;
  private long bodyBytesLeft;
  private long bodyBytes;
  private boolean bodyIsVersion2;
  private boolean lastBodyWasLarge;

  /** The ranges of a vectored request; while one is under way bodies go where it says. */
  private final VectorTable vector = new VectorTable();

  /**
   * What has arrived while answers had to drain, oldest first. One window, and what the kernel's
   * word of a half-close or a read already under way may add after reading was switched off.
   */
  private final ArrayDeque<MemoryWindow> held = new ArrayDeque<>();

  private long heldFrom;
  private boolean parsingHeld;
  private boolean inputEnded;

  private boolean refused;
  private boolean ended;
  private long progressNanos = System.nanoTime();
  private long sentMark;
  private long bytesReceived;

  TargetConnection(TargetServer server, EventExecutor loop, WindowPool pool) {
    super(pool);
    this.server = server;
    this.loop = loop;
    this.metrics = server.metrics();
    this.counts = new InboundCounts(metrics);
  }

  /** Its version 1 requests have their place among those of others. */
  void takesPlace(VersionOneMember member) {
    order = member;
    member.serves(this);
  }

  /** {@return the event loop that it is confined to; any thread may ask} */
  EventExecutor loop() {
    return loop;
  }

  // ---- where the next bytes go

  @Override
  public long directBytes() {
    return bodyBytes >= DIRECT_BYTES_MIN && !refused && held.isEmpty() ? bodyBytesLeft : 0;
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
        ? Frames.HEADER_BYTES - headerBytes
        : Integer.MAX_VALUE;
  }

  @Override
  void onDirect(int bytes) {
    progressNanos = System.nanoTime();
    bytesReceived += bytes;
    bodyArrived(bytes);
  }

  @Override
  void onStaged(MemoryWindow window, long from, long to) {
    progressNanos = System.nanoTime();
    bytesReceived += to - from;
    if (!held.isEmpty()) {
      window.retain();
      held.addLast(window);
      return;
    }
    long at = parse(from, to);
    if (at < to) {
      window.retain();
      held.addLast(window);
      heldFrom = at;
      channel().config().setAutoRead(false);
    }
  }

  @Override
  void onWritable() {
    // Parsing flushes, and a flush tells of new room before it returns.
    if (parsingHeld || held.isEmpty()) {
      return;
    }
    parsingHeld = true;
    try {
      parseHeld();
    } finally {
      parsingHeld = false;
    }
  }

  private void parseHeld() {
    MemoryWindow window;
    while ((window = held.peekFirst()) != null) {
      long end = window.memoryAddress() + window.readableBytes();
      heldFrom = parse(heldFrom, end);
      if (heldFrom < end) {
        return;
      }
      held.removeFirst();
      window.release();
      MemoryWindow next = held.peekFirst();
      heldFrom = next == null ? 0 : next.memoryAddress();
    }
    if (inputEnded) {
      onEndOfStream(null);
    } else if (!ended) {
      channel().config().setAutoRead(true);
      order.inputMayHaveCome();
    }
  }

  /** {@return how far it came: not to the end when answers have to drain first} */
  private long parse(long from, long to) {
    long at = from;
    while (at < to) {
      if (refused || ended) {
        return to;
      }
      if (bodyBytesLeft > 0) {
        int bytes = (int) Math.min(bodyBytesLeft, to - at);
        MemoryWindow.copy(at, bodyAddress, bytes);
        at += bytes;
        bodyArrived(bytes);
      } else if (vector.isActive()) {
        int bytes = (int) Math.min(vector.missingBytes(), to - at);
        vector.fill(at, bytes);
        at += bytes;
        if (vector.missingBytes() == 0) {
          beginVector();
        }
      } else if (!channel().isWritable()) {
        outlet().flush();
        if (!channel().isWritable()) {
          return at;
        }
      } else if (headerBytes == 0 && to - at >= Frames.HEADER_BYTES) {
        if (!order.mayBegin(at)) {
          return at;
        }
        request(at);
        at += Frames.HEADER_BYTES;
      } else {
        int bytes = (int) Math.min(Frames.HEADER_BYTES - headerBytes, to - at);
        MemoryWindow.copy(at, partialHeader.address() + headerBytes, bytes);
        if (headerBytes + bytes < Frames.HEADER_BYTES) {
          headerBytes += bytes;
        } else if (order.mayBegin(partialHeader.address())) {
          headerBytes = 0;
          request(partialHeader.address());
        } else {
          return at;
        }
        at += bytes;
      }
    }
    return at;
  }

  // ---- the order of version 1 requests

  /** The request that waited for others may begin. */
  void onTurn() {
    onWritable();
    outlet().flush();
    counts.handOver();
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
    return held.isEmpty() && !refused && !ended;
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

  private void request(long header) {
    long size = Frames.headerSize(header);
    long address = Frames.headerAddress(header);
    int opcode = Frames.headerOpcode(header);
    boolean version2 = (opcode & Frames.VERSION_2_BIT) != 0;
    if (opcode != (Frames.OPCODE_IDENTITY | Frames.VERSION_2_BIT)) {
      counts.request();
    }
    switch (opcode & ~Frames.VERSION_2_BIT) {
      case Frames.OPCODE_READ -> {
        Region region = use(address, size);
        if (region == null) {
          refuse(version2, "read", address, size);
        } else {
          answerRead(region, address, size, version2);
        }
      }
      case Frames.OPCODE_WRITE -> {
        Region region = use(address, size);
        if (region == null) {
          refuse(version2, "write", address, size);
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
          unknownOpcode(opcode);
        } else if (!vector.begin(size, address, write)) {
          refuse(
              "a vectored request for %d ranges of %d bytes, beyond the limits of %d and %d"
                  .formatted(address, size, Frames.VECTOR_RANGES_LIMIT, Frames.VECTOR_BYTES_LIMIT));
        }
      }
      case Frames.OPCODE_IDENTITY -> {
        if (!version2 || size != 0) {
          unknownOpcode(opcode);
        } else {
          identity(address);
        }
      }
      default -> unknownOpcode(opcode);
    }
  }

  /** Whoever means another engine than this one is told so, and nothing that follows is done. */
  private void identity(long wanted) {
    long own = server.incarnation();
    if (wanted == own) {
      Frames.writeStatus(outlet().reserve(Frames.STATUS_BYTES), Frames.STATUS_OK);
      return;
    }
    long answer = outlet().reserve(Frames.STATUS_BYTES + Frames.INCARNATION_BYTES);
    Frames.writeStatus(answer, Frames.STATUS_ANOTHER);
    Frames.writeIncarnation(answer + Frames.STATUS_BYTES, own);
    endRefused(
        "requests for engine %s, which is not this one (%s)"
            .formatted(Incarnations.text(wanted), Incarnations.text(own)));
  }

  private void unknownOpcode(int opcode) {
    server.warn(channel(), "a request with the unknown opcode 0x%02x".formatted(opcode));
    end();
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
      refuse(text);
    } else if (vector.isWrite()) {
      aimAtRange();
    } else {
      answerVector();
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
    Frames.writeStatus(outlet().reserve(Frames.STATUS_BYTES), Frames.STATUS_OK);
  }

  /** All of it at once: a request is small enough to be queued. Copied, so nothing stays in use. */
  private void answerVector() {
    Frames.writeStatus(outlet().reserve(Frames.STATUS_BYTES), Frames.STATUS_OK);
    for (; vector.hasRange(); vector.advance()) {
      long length = vector.length();
      for (long done = 0; done < length; done += DIRECT_BYTES_MIN) {
        int piece = (int) Math.min(DIRECT_BYTES_MIN, length - done);
        outlet().copy(vector.address() + done, piece);
      }
    }
    counts.read(vector.bytes());
    lastBodyWasLarge = false;
    vector.clear();
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
        Frames.writeStatus(outlet().reserve(Frames.STATUS_BYTES), Frames.STATUS_OK);
      }
    }
  }

  private void answerRead(Region region, long address, long size, boolean version2) {
    lastBodyWasLarge = false;
    if (version2) {
      Frames.writeStatus(outlet().reserve(Frames.STATUS_BYTES), Frames.STATUS_OK);
    }
    counts.read(size);
    if (size < DIRECT_BYTES_MIN) {
      outlet().copy(address, (int) size);
      region.release();
      return;
    }
    outlet().body(address, size, region);
  }

  @Override
  public void bodyReleased(Object attachment) {
    progressNanos = System.nanoTime();
    ((Region) attachment).release();
  }

  private void refuse(boolean version2, String what, long address, long size) {
    String text =
        "a %s of %d bytes at 0x%x, which is not wholly inside one registration"
            .formatted(what, size, address);
    if (!version2) {
      metrics.increment(Counter.INBOUND_REJECTED);
      server.warn(channel(), text);
      channel().config().setOption(ChannelOption.SO_LINGER, 0);
      end();
      return;
    }
    refuse(text);
  }

  private void refuse(String what) {
    Frames.writeStatus(outlet().reserve(Frames.STATUS_BYTES), Frames.STATUS_REJECTED);
    endRefused(what);
  }

  /** The answer that refuses is in the stream: nothing more is listened to. */
  private void endRefused(String what) {
    metrics.increment(Counter.INBOUND_REJECTED);
    server.warn(channel(), what);
    refused = true;
    outlet().flush();
    var _ = channel().writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(_ -> closeOutputAndLinger());
  }

  /** The status frame, and the answers before it, have left. */
  private void closeOutputAndLinger() {
    var _ = ((DuplexChannel) channel()).shutdownOutput();
    var _ = loop.schedule(this::end, LINGER_MILLIS, TimeUnit.MILLISECONDS);
  }

  // ---- the end

  /**
   * A write failed: the peer is gone, and nothing it asked for can be answered any more. Netty only
   * shuts the output down, since with {@code AUTO_CLOSE} what has arrived would be lost at the
   * initiator's end; while reading is switched off there is no other word of a reset.
   */
  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event == ChannelOutputShutdownEvent.INSTANCE && !refused) {
      end();
    } else {
      super.userEventTriggered(context, event);
    }
  }

  @Override
  void onReadComplete() {
    order.readComplete(hasEmptiedSocket());
    counts.handOver();
  }

  @Override
  void onEndOfStream(@Nullable Throwable error) {
    if (ended) {
      return;
    }
    if (error == null) {
      channel().config().setWriteSpinCount(WRITES_AFTER_HALF_CLOSE);
    }
    if (refused) {
      end();
    } else if (!held.isEmpty() && error == null) {
      // Once the requests that wait have been looked at.
      inputEnded = true;
    } else if (bodyBytesLeft > 0 || headerBytes > 0 || vector.isActive()) {
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

  /** Closes the connection if a request is under way and nothing has moved for so long. */
  void endIfStalled(long nowNanos, long limitNanos) {
    long mark = outlet().sentMark();
    if (mark != sentMark || order.isWaiting()) {
      sentMark = mark;
      progressNanos = nowNanos;
    }
    boolean underWay =
        bodyBytesLeft > 0
            || headerBytes > 0
            || vector.isActive()
            || !held.isEmpty()
            || !outlet().isDrained();
    if (underWay && nowNanos - progressNanos > limitNanos) {
      server.warn(
          channel(),
          "no progress for %d s; %d bytes of a body were missing"
              .formatted(TimeUnit.NANOSECONDS.toSeconds(limitNanos), bodyBytesLeft));
      end();
    }
  }

  @Override
  void onQuiesced() {
    counts.handOver();
    MemoryWindow window;
    while ((window = held.pollFirst()) != null) {
      window.release();
    }
    Region region = bodyRegion;
    if (region != null) {
      bodyRegion = null;
      region.release();
    }
    vector.clear();
    server.gone(this);
  }
}
