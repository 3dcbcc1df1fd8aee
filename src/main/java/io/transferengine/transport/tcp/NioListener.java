// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.transferengine.net.HeapRoom;
import java.util.List;

/**
 * A listening socket that lasts. Netty's own closes itself when an accept throws anything but an
 * IOException: a heap that is full for a moment would close the data port for good.
 */
final class NioListener extends NioServerSocketChannel {
  @Override
  protected int doReadMessages(List<Object> accepted) throws Exception {
    // The JDK loses the descriptor that it has accepted if memory runs out behind that.
    HeapRoom.require();
    return super.doReadMessages(accepted);
  }

  @Override
  protected boolean closeOnReadError(Throwable cause) {
    return !isActive();
  }
}
