// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.net.SocketOption;
import java.net.StandardSocketOptions;
import java.nio.channels.SocketChannel;
import jdk.net.ExtendedSocketOptions;

/**
 * When a silent peer is asked by the kernel whether it is still there. A host that crashed, or a
 * firewall that forgot the connection, says nothing: without this its connection stays for ever.
 */
public final class KeepAlive {
  /** Silence before the first question; the system's two hours would hold a dead peer's place. */
  public static final int IDLE_SECONDS = 60;

  /** Between questions. */
  public static final int INTERVAL_SECONDS = 15;

  /** Unanswered questions after which the connection is over: two minutes after the last word. */
  public static final int PROBES = 4;

  private KeepAlive() {}

  /**
   * Has the kernel ask on this socket.
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
