// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.net.Place;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/**
 * One client of the daemon: one request, one reply (protocol section 5.2). Served on a thread of
 * its own; every step has its limit.
 */
final class ServerConnection implements FrameCodec.PayloadPolicy {
  /** The JDK copies what a channel writes into a buffer of its own; this bounds that one. */
  static final int WRITE_PIECE_BYTES = 64 << 10;

  private final SocketChannel channel;
  private final Place place;
  private final int maxFrameLengthBytes;
  private final ServingLimits limits;
  private final ReplyMaker replies;

  private final ByteBudget payloads;
  private final InetAddress client;
  private long ownHeldBytes;

  ServerConnection(
      SocketChannel channel,
      Place place,
      int maxFrameLengthBytes,
      ServingLimits limits,
      ReplyMaker replies,
      ByteBudget payloads) {
    this.channel = channel;
    this.place = place;
    this.maxFrameLengthBytes = maxFrameLengthBytes;
    this.limits = limits;
    this.replies = replies;
    this.payloads = payloads;
    client = channel.socket().getInetAddress();
  }

  /**
   * Serves the client to the end of its reply.
   *
   * @throws IOException when the client was too slow, broke off, or closed the connection
   * @throws TransferException when what it sent is no request
   */
  void serve() throws IOException {
    byte[] reply;
    try {
      long deadlineNanos = System.nanoTime() + limits.requestTimeLimit().toNanos();
      InputStream in =
          new Arriving(place, new TimedInput(channel, limits.readTimeout(), deadlineNanos));
      HandshakeFrame request = FrameCodec.readRequest(in, maxFrameLengthBytes, this);
      Thread self = Thread.currentThread();
      try (var _ = Watchdog.after(limits.handlerTimeLimit(), self::interrupt)) {
        reply = replies.reply(request, client);
      }
    } finally {
      payloads.release(client, ownHeldBytes);
    }
    try (var _ = Watchdog.closeAfter(limits.replyTimeLimit(), channel)) {
      writeFully(channel, reply);
    } catch (ClosedChannelException e) {
      SocketTimeoutException named =
          new SocketTimeoutException(
              "the client took more than %d ms for its reply of %d bytes"
                  .formatted(limits.replyTimeLimit().toMillis(), reply.length));
      named.initCause(e);
      throw named;
    }
    channel.shutdownOutput();
  }

  /** Waits for the client to close its end, so that ours does not cut the reply off. */
  void awaitClose() {
    place.rest();
    try {
      long deadlineNanos = System.nanoTime() + limits.closeTimeout().toNanos();
      new TimedInput(channel, limits.closeTimeout(), deadlineNanos).read();
    } catch (IOException e) {
      // It has its reply; how it ends the connection is its own business.
    }
  }

  static void writeFully(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer out = ByteBuffer.wrap(bytes);
    while (out.position() < bytes.length) {
      out.limit(Math.min(bytes.length, out.position() + WRITE_PIECE_BYTES));
      channel.write(out);
    }
  }

  @Override
  public void reserve(int bytes) {
    Optional<String> full = payloads.reserve(client, bytes);
    if (full.isPresent()) {
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          "there is no room for handshake requests: " + full.get(),
          "Find out who sends so much");
    }
    ownHeldBytes += bytes;
  }

  /** {@return whether {@code e} only says that the client left without a word, as probes do} */
  static boolean isSilentLeave(IOException e) {
    return e instanceof EOFException && FrameCodec.NOTHING_SENT.equals(e.getMessage());
  }

  /** From its first byte on a request is under way. */
  private static final class Arriving extends FilterInputStream {
    private final Place place;

    Arriving(Place place, InputStream in) {
      super(in);
      this.place = place;
    }

    @Override
    public int read() throws IOException {
      return begun(super.read());
    }

    @Override
    public int read(byte[] to, int offset, int length) throws IOException {
      return begun(super.read(to, offset, length));
    }

    private int begun(int read) throws IOException {
      if (read >= 0 && !place.begin()) {
        throw new ClosedChannelException();
      }
      return read;
    }
  }
}
