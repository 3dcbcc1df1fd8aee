// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import io.transferengine.logging.SystemError;
import io.transferengine.net.Listener;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Binds a listener to a port of a range. It tries the ports in random order and binds at once:
 * after a mere probe, another process could take the port first.
 */
final class PortBinder {
  /**
   * As in the C++ engine. If a quarter of the range is free, all of these fail practically never.
   */
  private static final int ATTEMPTS_MAX = 500;

  private static final String NO_PORT_REMEDY = "Free a port, or widen the range";

  private PortBinder() {}

  static Listener bind(HandshakeDaemonOptions options) {
    int count = options.maxPort() - options.minPort() + 1;
    int[] ports =
        ThreadLocalRandom.current()
            .ints(options.minPort(), options.maxPort() + 1)
            .distinct()
            .limit(Math.min(count, ATTEMPTS_MAX))
            .toArray();
    IOException last = null;
    int tried = 0;
    for (int port : ports) {
      try {
        return Listener.bind(address(options.listenAddress(), port), options.backlog());
      } catch (UnknownHostException e) {
        throw new TransferException(
            ErrorCode.INVALID_ARGUMENT,
            "the listen address \"" + options.listenAddress() + "\" is unknown",
            "Give an address of this host, or leave it empty for all addresses",
            e);
      } catch (IOException e) {
        last = e;
        tried++;
        if (SystemError.remedyHere(e).isPresent()) {
          break; // Another port would not help.
        }
      }
    }
    throw new TransferException(
        ErrorCode.SOCKET,
        "no RPC port could be bound at \"%s\", %d..%d (%d tried): %s"
            .formatted(
                options.listenAddress(),
                options.minPort(),
                options.maxPort(),
                tried,
                last == null ? "none" : SystemError.text(last)),
        last == null ? NO_PORT_REMEDY : SystemError.remedy(last, NO_PORT_REMEDY),
        last == null ? new IOException("no port") : last);
  }

  /** Without an address the JDK binds the IPv6 wildcard if there is IPv6, which includes IPv4. */
  private static InetSocketAddress address(String host, int port) throws UnknownHostException {
    return host.isEmpty()
        ? new InetSocketAddress(port)
        : new InetSocketAddress(InetAddress.getByName(host), port);
  }
}
