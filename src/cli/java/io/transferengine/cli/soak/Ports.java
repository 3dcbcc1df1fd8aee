// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.faults.Relay;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports of processes behind relays. A process listens on 127.0.0.1 and tells its peers 127.0.0.2,
 * where a relay has the same port: so nothing that it says needs to be changed.
 */
final class Ports {
  static final String REAL = "127.0.0.1";
  static final String TOLD = "127.0.0.2";

  /** Below those that the system gives to connections. */
  private static final int FIRST = 20_000;

  private static final int END = 32_000;
  private static final int TRIES = 200;

  private Ports() {}

  /** Makes a relay from one address to another. */
  interface Maker {
    Relay relay(InetSocketAddress at, InetSocketAddress to) throws IOException;
  }

  /** {@return a relay at a port that is free at both addresses} */
  static Relay relay(Maker maker) {
    IOException last = new IOException();
    for (int i = 0; i < TRIES; i++) {
      int port = ThreadLocalRandom.current().nextInt(FIRST, END);
      InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral(TOLD), port);
      InetSocketAddress to = new InetSocketAddress(InetAddress.ofLiteral(REAL), port);
      try (ServerSocket free = new ServerSocket()) {
        free.bind(to);
        return maker.relay(at, to);
      } catch (IOException e) {
        last = e;
      }
    }
    throw CommandException.lacks(
        "No port of %d to %d is free at %s and %s: %s".formatted(FIRST, END - 1, REAL, TOLD, last));
  }
}
