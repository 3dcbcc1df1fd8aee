// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.time.Duration;

/**
 * The input of a blocking socket with two limits: a time-out for each read, and a deadline for all
 * reads together. For one thread.
 */
final class TimedInput extends InputStream {
  private static final String NOT_WHOLE = "the message did not arrive whole within its time";

  private final Socket socket;
  private final InputStream in;
  private final long readTimeoutNanos;
  private final long deadlineNanos;

  /**
   * @param deadlineNanos of {@link System#nanoTime}
   */
  TimedInput(Socket socket, Duration readTimeout, long deadlineNanos) throws IOException {
    this.socket = socket;
    this.in = socket.getInputStream();
    this.readTimeoutNanos = readTimeout.toNanos();
    this.deadlineNanos = deadlineNanos;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] to, int offset, int length) throws IOException {
    long leftNanos = deadlineNanos - System.nanoTime();
    if (leftNanos <= 0) {
      throw new SocketTimeoutException(NOT_WHOLE);
    }
    long waitMillis = Math.min(readTimeoutNanos, leftNanos) / 1_000_000;
    socket.setSoTimeout(Math.clamp(waitMillis, 1, Integer.MAX_VALUE));
    try {
      return in.read(to, offset, length);
    } catch (SocketTimeoutException e) {
      SocketTimeoutException named =
          new SocketTimeoutException(
              leftNanos < readTimeoutNanos ? NOT_WHOLE : "nothing came for " + waitMillis + " ms");
      named.initCause(e);
      throw named;
    }
  }
}
