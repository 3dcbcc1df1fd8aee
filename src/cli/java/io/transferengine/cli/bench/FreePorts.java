// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Ports for servers that are given one before they start. A port from the range that the kernel
 * gives to outgoing connections (ip(7), {@code ip_local_port_range}) may be another's a moment
 * later; these are from outside of it, and from outside of the engines' own range.
 */
public final class FreePorts {
  private static final Path RANGE = Path.of("/proc/sys/net/ipv4/ip_local_port_range");

  /** Above the ports that engines take by themselves, and those that tests name. */
  private static final int LOWEST = 20_000;

  private static final int HIGHEST = 65_535;
  private static final int ATTEMPTS = 200;

  private FreePorts() {}

  /**
   * {@return a TCP port of the loopback interface on which nothing listens just now}
   *
   * @throws IOException if none was found
   */
  public static int next() throws IOException {
    int[] outgoing = outgoing();
    int below = Math.max(0, outgoing[0] - LOWEST);
    int above = Math.max(0, HIGHEST - Math.max(outgoing[1], LOWEST - 1));
    for (int i = 0; i < ATTEMPTS && below + above > 0; i++) {
      int place = ThreadLocalRandom.current().nextInt(below + above);
      int port = place < below ? LOWEST + place : HIGHEST - (place - below);
      if (isFree(port)) {
        return port;
      }
    }
    try (ServerSocket any = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return any.getLocalPort(); // The kernel's range is all that there is.
    }
  }

  private static boolean isFree(int port) {
    try (ServerSocket probe = new ServerSocket(port, 1, InetAddress.getLoopbackAddress())) {
      return probe.isBound();
    } catch (IOException taken) {
      return false;
    }
  }

  /** {@return the lowest and the highest port of outgoing connections; Linux's usual if unknown} */
  static int[] outgoing() {
    try {
      String[] words = Files.readString(RANGE).strip().split("\\s+", -1);
      return new int[] {Integer.parseInt(words[0]), Integer.parseInt(words[1])};
    } catch (IOException | RuntimeException unknown) {
      return new int[] {32_768, 60_999};
    }
  }
}
