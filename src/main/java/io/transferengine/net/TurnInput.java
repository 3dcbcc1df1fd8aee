// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.net.InetAddress;
import java.net.SocketTimeoutException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * What a TLS handshake reads: the byte that was read already, then those of the socket. While it
 * waits for more, the handshake's turn is somebody else's: a turn is for the ciphers, and no client
 * keeps one by being slow, or by sending without end what TLS passes over. For one thread.
 */
public final class TurnInput extends InputStream {
  /** Of a handshake. Several times the longest: the JDK takes no message above 32 KiB. */
  private static final int BYTES_MAX = 256 << 10;

  private final InputStream in;
  private final Turns turns;
  private final InetAddress address;
  private final long deadlineNanos;
  private int first;
  private int bytes;
  private boolean working;
  private Turns.@Nullable Turn turn;

  /**
   * What a handshake reads that has not begun.
   *
   * @param first the byte that was read already
   * @param in all others
   * @param address the client's
   * @param deadlineNanos of the handshake
   */
  public TurnInput(
      int first, InputStream in, Turns turns, InetAddress address, long deadlineNanos) {
    this.first = first;
    this.in = in;
    this.turns = turns;
    this.address = address;
    this.deadlineNanos = deadlineNanos;
  }

  /** A handshake that reads from here. */
  public interface Handshake<T> {
    /** Makes it; {@return what it proves} */
    T make() throws IOException;
  }

  /**
   * Makes the handshake in turns; {@return what it proves}
   *
   * @throws IOException of the handshake, or if it gets no turn in its time
   */
  public <T> T handshake(Handshake<T> handshake) throws IOException {
    begin();
    try {
      return handshake.make();
    } finally {
      end();
    }
  }

  void begin() throws IOException {
    working = true;
    take();
  }

  /** The handshake is over: from now on nobody has to have a turn. */
  void end() {
    working = false;
    giveBack();
  }

  private void take() throws IOException {
    try {
      turn = turns.take(address, deadlineNanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw (IOException) new InterruptedIOException("the connection is closed").initCause(e);
    } catch (TimeoutException e) {
      throw (IOException)
          new SocketTimeoutException("too many TLS handshakes are under way").initCause(e);
    }
  }

  private void giveBack() {
    Turns.Turn had = turn;
    if (had != null) {
      turn = null;
      had.end();
    }
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    if (first >= 0 && length > 0) {
      to[offset] = (byte) first;
      first = -1;
      return 1;
    }
    if (!working) {
      return in.read(to, offset, length);
    }
    if (bytes >= BYTES_MAX) {
      throw new IOException("its TLS handshake has more than " + BYTES_MAX + " bytes");
    }
    boolean waits = in.available() <= 0;
    if (waits) {
      giveBack();
    }
    int read = in.read(to, offset, length);
    bytes += Math.max(0, read);
    if (waits && read >= 0) {
      take();
    }
    return read;
  }

  @Override
  public int available() throws IOException {
    return first >= 0 ? 1 : in.available();
  }
}
