// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.time.Duration;

/**
 * How a port whose threads wait parts with somebody whom it refuses: so that the refusal can be
 * read, and in TLS's own words where one side speaks TLS and the other does not. Stateless.
 */
public final class Farewell {
  /** The first byte of a TLS handshake; nothing else that is sent to our ports begins with it. */
  public static final int TLS_HELLO = 0x16;

  /** How long one that was refused may take to read why, before a reset may take that away. */
  public static final Duration LIMIT = Duration.ofSeconds(1);

  /** Far more than anybody sends on the way to being refused. */
  static final int DROPPED_BYTES_MAX = 1 << 20;

  /** A fatal alert, "unexpected message": who speaks TLS need not wait for an answer. */
  private static final byte[] TLS_ALERT = {0x15, 3, 3, 0, 2, 2, 10};

  /** What ends the output above the channel. */
  public interface Ending {
    /** Ends it; may wait. */
    void end() throws IOException;
  }

  private Farewell() {}

  /** Says that one side speaks TLS and the other does not, and lets that be read. */
  public static void alert(SocketChannel channel) {
    linger(
        channel,
        () -> {
          ByteBuffer alert = ByteBuffer.wrap(TLS_ALERT);
          while (alert.hasRemaining()) {
            int _ = channel.write(alert);
          }
        });
  }

  /** As below, with nothing above the channel. */
  public static void linger(SocketChannel channel) {
    linger(channel, () -> {});
  }

  /**
   * Ends the output, and reads what still comes: with bytes unread, closing would reset the
   * connection. Throws nothing; the channel may be closed afterwards, and is to be closed.
   */
  public static void linger(SocketChannel channel, Ending ending) {
    try (var _ = Watchdog.closeAfter(LIMIT, channel)) {
      ending.end();
      channel.shutdownOutput();
      channel.socket().setSoTimeout(0);
      InputStream in = channel.socket().getInputStream();
      byte[] dropped = new byte[1 << 12];
      for (int total = 0, count; total < DROPPED_BYTES_MAX; total += count) {
        count = in.read(dropped, 0, dropped.length);
        if (count < 0) {
          return;
        }
      }
    } catch (IOException e) {
      // It has closed its end, or has had its time.
    }
  }
}
