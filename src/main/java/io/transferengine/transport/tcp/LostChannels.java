// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.Channel;

/**
 * Channels that Netty has lost: memory ran out while it registered one, and whoever waits for that
 * hears nothing.
 */
final class LostChannels {
  private LostChannels() {}

  /** Closes one, however far it has come; any thread may call. */
  static void end(Channel lost) {
    if (!lost.isRegistered()) {
      lost.unsafe().closeForcibly();
    } else {
      var _ = LoopTasks.execute(lost.eventLoop(), new Ending(lost));
    }
  }

  /** For one that is registered, on its loop. */
  private static final class Ending implements Runnable {
    private final Channel lost;

    Ending(Channel lost) {
      this.lost = lost;
    }

    @Override
    public void run() {
      try {
        var _ = lost.close();
      } finally {
        if (lost.isOpen()) {
          lost.unsafe().closeForcibly();
        }
      }
    }
  }
}
