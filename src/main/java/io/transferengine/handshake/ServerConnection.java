// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.net.ByteBudget;
import io.transferengine.net.Place;
import io.transferengine.net.Watchdog;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.Optional;

/**
 * One client of the daemon: one request and one reply (protocol section 5.2), served on a thread of
 * its own. Every step has a time limit.
 */
final class ServerConnection implements FrameCodec.PayloadPolicy {
  private final SocketChannel channel;
  private final Place place;
  private final int maxFrameLengthBytes;
  private final ServingLimits limits;
  private final ReplyMaker replies;
  private final PeerTls tls;

  private final ByteBudget payloads;
  private final InetAddress client;
  private long ownHeldBytes;
  private Link link;

  ServerConnection(
      SocketChannel channel,
      Place place,
      int maxFrameLengthBytes,
      ServingLimits limits,
      ReplyMaker replies,
      ByteBudget payloads,
      PeerTls tls) {
    this.channel = channel;
    this.place = place;
    this.maxFrameLengthBytes = maxFrameLengthBytes;
    this.limits = limits;
    this.replies = replies;
    this.payloads = payloads;
    this.tls = tls;
    link = Link.plain(channel);
    client = channel.socket().getInetAddress();
  }

  /**
   * Serves the client until its reply is written.
   *
   * @throws TlsRefusal if it was refused before it could ask for anything
   * @throws io.transferengine.tls.TokenRefusal the same, because of its token
   * @throws IOException if the client was too slow, or the connection broke or was closed
   * @throws TransferException if it did not send a valid request
   */
  void serve() throws IOException {
    byte[] reply;
    try {
      long deadlineNanos = System.nanoTime() + limits.requestTimeLimit().toNanos();
      link = Link.accepted(channel, tls, limits.readTimeout(), deadlineNanos);
      if (tls.token().isFor(client)) {
        TokenLink.accept(link, tls.token(), limits.readTimeout(), deadlineNanos);
      }
      InputStream in =
          new Arriving(place, new TimedInput(link.socket(), limits.readTimeout(), deadlineNanos));
      HandshakeFrame request = FrameCodec.readRequest(in, maxFrameLengthBytes, this);
      Thread self = Thread.currentThread();
      try (var _ = Watchdog.after(limits.handlerTimeLimit(), self::interrupt)) {
        reply = replies.reply(request, link.peer());
      }
    } finally {
      payloads.release(client, ownHeldBytes);
    }
    try (var _ = Watchdog.closeAfter(limits.replyTimeLimit(), channel)) {
      link.write(reply);
      link.endOutput();
    } catch (ClosedChannelException e) {
      SocketTimeoutException named =
          new SocketTimeoutException(
              "the client did not read its reply of %2$d bytes within %1$d ms"
                  .formatted(limits.replyTimeLimit().toMillis(), reply.length));
      named.initCause(e);
      throw named;
    }
  }

  /** Waits for the client to close its end, so that ours does not cut the reply off. */
  void awaitClose() {
    place.rest();
    try {
      long deadlineNanos = System.nanoTime() + limits.closeTimeout().toNanos();
      new TimedInput(link.socket(), limits.closeTimeout(), deadlineNanos).read();
    } catch (IOException e) {
      // The client has its reply. It may end the connection as it likes.
    }
  }

  @Override
  public void reserve(int bytes) {
    Optional<String> full = payloads.reserve(client, bytes);
    if (full.isPresent()) {
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          "there is no room for handshake requests: " + full.get(),
          "Find out which program sends so much");
    }
    ownHeldBytes += bytes;
  }

  /**
   * {@return whether {@code e} only means that the client left without sending a byte, as port
   * probes do}
   */
  static boolean isSilentLeave(IOException e) {
    return e instanceof EOFException && FrameCodec.NOTHING_SENT.equals(e.getMessage());
  }

  /** Marks the place as busy from the first byte of the request on. */
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
