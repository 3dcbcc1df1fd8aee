// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.access.PeerIdentity;
import io.transferengine.net.Farewell;
import io.transferengine.net.TurnInput;
import io.transferengine.net.Watchdog;
import io.transferengine.tls.PeerTls;
import io.transferengine.tls.TlsCauses;
import io.transferengine.transfer.HostPort;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/**
 * A blocking connection to or from the RPC port, with TLS or without. Whoever made the channel
 * closes it, from any thread; all else is for one thread.
 */
final class Link {
  /** The JDK copies each write into a buffer of its own. This limits the size of that buffer. */
  static final int WRITE_PIECE_BYTES = 64 << 10;

  private final SocketChannel channel;
  private final @Nullable SSLSocket tls;
  private PeerIdentity peer;

  private Link(SocketChannel channel, @Nullable SSLSocket tls, PeerIdentity peer) {
    this.channel = channel;
    this.tls = tls;
    this.peer = peer;
  }

  /** The connection as it is. */
  static Link plain(SocketChannel channel) {
    return new Link(channel, null, PeerIdentity.unproved(channel.socket().getInetAddress()));
  }

  /**
   * The connection of a client, after the TLS handshake if there is TLS for its address.
   *
   * @param deadlineNanos of the handshake
   * @throws TlsRefusal if the client is refused; it has been told, as far as it can be
   */
  static Link accepted(
      SocketChannel channel, PeerTls security, Duration readTimeout, long deadlineNanos)
      throws IOException {
    if (!security.isFor(channel.socket().getInetAddress())) {
      return plain(channel);
    }
    int first = new TimedInput(channel.socket(), readTimeout, deadlineNanos).read();
    if (first < 0) {
      throw new EOFException(FrameCodec.NOTHING_SENT);
    }
    if (first != Farewell.TLS_HELLO) {
      Farewell.alert(channel);
      throw new TlsRefusal(TlsCauses.plain(), null);
    }
    InetAddress client = channel.socket().getInetAddress();
    TurnInput in =
        new TurnInput(
            first, channel.socket().getInputStream(), security.handshakes(), client, deadlineNanos);
    SSLSocket socket = security.accepted(channel.socket(), in);
    try {
      return new Link(
          channel, socket, in.handshake(() -> handshake(channel, socket, security, deadlineNanos)));
    } catch (IOException e) {
      Farewell.linger(channel);
      throw new TlsRefusal(TlsCauses.text(e, true), e);
    }
  }

  /**
   * A connection to a peer, after the TLS handshake if there is TLS for its address.
   *
   * @param deadlineNanos of the handshake
   * @throws IOException also if either side refuses the other
   */
  static Link connected(SocketChannel channel, PeerTls security, HostPort peer, long deadlineNanos)
      throws IOException {
    if (!security.isFor(channel.socket().getInetAddress())) {
      return plain(channel);
    }
    SSLSocket socket = security.connected(channel.socket(), peer.host(), peer.port());
    try {
      return new Link(channel, socket, handshake(channel, socket, security, deadlineNanos));
    } catch (SSLException e) {
      Farewell.linger(channel);
      throw e;
    }
  }

  private static PeerIdentity handshake(
      SocketChannel channel, SSLSocket socket, PeerTls security, long deadlineNanos)
      throws IOException {
    Duration left = Duration.ofNanos(Math.max(1, deadlineNanos - System.nanoTime()));
    // A time-out for each read alone would let who sends byte by byte take for ever.
    socket.setSoTimeout(Math.clamp(left.toMillis(), 1, Integer.MAX_VALUE));
    try (var _ = Watchdog.closeAfter(left, channel)) {
      socket.startHandshake();
      List<String> names = security.verify(socket.getSession()).names();
      InetAddress address = channel.socket().getInetAddress();
      return names.isEmpty() ? PeerIdentity.unproved(address) : PeerIdentity.proved(address, names);
    } catch (IOException e) {
      if (System.nanoTime() - deadlineNanos >= 0) {
        SocketTimeoutException late = new SocketTimeoutException("the TLS handshake timed out");
        late.initCause(e);
        throw late;
      }
      throw e;
    }
  }

  /** The other side has proved this name, too. */
  void proved(String name) {
    List<String> names = new ArrayList<>(peer.names());
    names.add(name);
    peer = PeerIdentity.proved(peer.address(), names);
  }

  /** Lets one that was refused read why. */
  void linger() {
    Farewell.linger(channel);
  }

  /** Writes, and closes the connection if it takes longer. */
  void writeWithin(Duration limit, byte[] bytes) throws IOException {
    try (var _ = Watchdog.closeAfter(limit, channel)) {
      write(bytes);
    }
  }

  /** {@return whether what is sent and received is encrypted} */
  boolean isSecure() {
    return tls != null;
  }

  /** {@return who is at the other end, with what it has proved} */
  PeerIdentity peer() {
    return peer;
  }

  /** {@return what to read from} */
  Socket socket() {
    return tls == null ? channel.socket() : tls;
  }

  void write(byte[] bytes) throws IOException {
    if (tls == null) {
      writeFully(channel, bytes);
      return;
    }
    try {
      OutputStream out = tls.getOutputStream();
      for (int at = 0; at < bytes.length; at += WRITE_PIECE_BYTES) {
        out.write(bytes, at, Math.min(WRITE_PIECE_BYTES, bytes.length - at));
      }
    } catch (IOException e) {
      if (!channel.isOpen()) {
        ClosedChannelException closed = new ClosedChannelException();
        closed.initCause(e);
        throw closed;
      }
      throw e;
    }
  }

  private static void writeFully(SocketChannel channel, byte[] bytes) throws IOException {
    ByteBuffer out = ByteBuffer.wrap(bytes);
    while (out.position() < bytes.length) {
      out.limit(Math.min(bytes.length, out.position() + WRITE_PIECE_BYTES));
      channel.write(out);
    }
  }

  /** Says that nothing more will be written. */
  void endOutput() throws IOException {
    if (tls != null) {
      tls.shutdownOutput();
    }
    channel.shutdownOutput();
  }
}
