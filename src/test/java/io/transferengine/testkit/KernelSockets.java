// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What Linux says of the TCP sockets of this machine. */
public final class KernelSockets {
  /** The column of the timer that runs, and its value for the one of keep-alive. */
  private static final int TIMER_COLUMN = 5;

  private static final String KEEP_ALIVE_TIMER = "02:";

  private KernelSockets() {}

  /** {@return whether keep-alive runs on the idle socket between two ports, at the first one} */
  public static boolean isKeptAlive(int localPort, int remotePort) {
    return lines().anyMatch(each -> each.matches(localPort, remotePort) && each.isKeptAlive());
  }

  /** {@return whether keep-alive runs on an idle socket that was connected to a port from here} */
  public static boolean isKeptAliveTowards(int remotePort, int exceptLocalPort) {
    return lines()
        .anyMatch(
            each ->
                each.isKeptAlive()
                    && each.remote.endsWith(hex(remotePort))
                    && !each.local.endsWith(hex(exceptLocalPort)));
  }

  private record Line(String local, String remote, String timer) {
    boolean matches(int localPort, int remotePort) {
      return local.endsWith(hex(localPort)) && remote.endsWith(hex(remotePort));
    }

    boolean isKeptAlive() {
      return timer.startsWith(KEEP_ALIVE_TIMER);
    }
  }

  private static String hex(int port) {
    return String.format(Locale.ROOT, ":%04X", port);
  }

  private static Stream<Line> lines() {
    return tables().stream().flatMap(KernelSockets::lines);
  }

  /** {@return the kernel's tables of TCP sockets; without IPv6 there is one} */
  public static List<Path> tables() {
    return Stream.of("/proc/net/tcp", "/proc/net/tcp6")
        .map(Path::of)
        .filter(Files::exists)
        .toList();
  }

  private static Stream<Line> lines(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .map(line -> line.trim().split("\\s+", -1))
          .filter(columns -> columns.length > TIMER_COLUMN)
          .map(columns -> new Line(columns[1], columns[2], columns[TIMER_COLUMN]));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
