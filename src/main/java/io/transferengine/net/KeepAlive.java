// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import jdk.net.ExtendedSocketOptions;

/**
 * Has the kernel ask silent peers whether they are still there. A host that crashed sends nothing
 * more, and a firewall that forgot the connection lets nothing through: without this, the
 * connection would stay open for ever.
 */
public final class KeepAlive {
  /**
   * Silence before the first question. The system's default of two hours would keep a dead peer's
   * place for too long.
   */
  public static final int IDLE_SECONDS = 60;

  /** Time between two questions. */
  public static final int INTERVAL_SECONDS = 15;

  /**
   * Unanswered questions after which the kernel ends the connection: two minutes after the peer's
   * last packet.
   */
  public static final int PROBES = 4;

  private KeepAlive() {}

  /**
   * Switches the questions on for this socket.
   *
   * @throws IOException when the socket is closed
   */
  public static void set(SocketChannel channel) throws IOException {
    channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
    setIfKnown(channel, ExtendedSocketOptions.TCP_KEEPIDLE, IDLE_SECONDS);
    setIfKnown(channel, ExtendedSocketOptions.TCP_KEEPINTERVAL, INTERVAL_SECONDS);
    setIfKnown(channel, ExtendedSocketOptions.TCP_KEEPCOUNT, PROBES);
  }

  private static void setIfKnown(SocketChannel channel, SocketOption<Integer> option, int value)
      throws IOException {
    if (channel.supportedOptions().contains(option)) {
      channel.setOption(option, value);
    }
  }
}
