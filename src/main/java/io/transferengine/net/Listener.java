// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ClosedSelectorException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A listening socket that takes a connection only when there is memory for it. A thread that waits
 * in the JDK's {@code accept} already has the connection when it asks for the memory; if there is
 * none, the descriptor is lost, and the peer waits until this process ends. One thread accepts, any
 * may close.
 */
public final class Listener implements AcceptLoop.Acceptor, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Listener.class);

  private final ServerSocketChannel channel;
  private final Selector selector;
  private final InetSocketAddress address;

  private Listener(ServerSocketChannel channel, Selector selector) throws IOException {
    this.channel = channel;
    this.selector = selector;
    address = (InetSocketAddress) channel.getLocalAddress();
  }

  /**
   * {@return a socket that listens at an address}
   *
   * @param backlog how many connections the kernel holds until they are accepted; it may hold fewer
   *     (net.core.somaxconn)
   * @throws IOException if it cannot listen there
   */
  public static Listener bind(InetSocketAddress address, int backlog) throws IOException {
    Selector selector = Selector.open();
    try {
      return bind(selector, address, backlog);
    } catch (Throwable t) {
      selector.close();
      throw t;
    }
  }

  private static Listener bind(Selector selector, InetSocketAddress address, int backlog)
      throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open();
    try {
      channel.setOption(StandardSocketOptions.SO_REUSEADDR, true);
      channel.bind(address, backlog);
      channel.configureBlocking(false);
      SelectionKey _ = channel.register(selector, SelectionKey.OP_ACCEPT);
      // The key is lost if memory runs out when it is first used: then here.
      int _ = selector.selectNow();
      selector.selectedKeys().clear();
      return new Listener(channel, selector);
    } catch (Throwable t) {
      channel.close();
      throw t;
    }
  }

  /** {@return where it listens} */
  public InetSocketAddress address() {
    return address;
  }

  @Override
  public SocketChannel accept() throws IOException {
    while (true) {
      HeapRoom.require();
      SocketChannel accepted = channel.accept();
      if (accepted != null) {
        return accepted;
      }
      try {
        int _ = selector.select();
        selector.selectedKeys().clear();
      } catch (ClosedSelectorException e) {
        throw new ClosedChannelException();
      }
    }
  }

  /** Closes the socket, and ends an accept under way. Idempotent. */
  @Override
  public void close() {
    // The selector last, and certainly: the kernel listens as long as the socket is registered.
    try (selector) {
      channel.close();
    } catch (IOException e) {
      log.debug("closing the listener at {}", address, e);
    }
  }
}
