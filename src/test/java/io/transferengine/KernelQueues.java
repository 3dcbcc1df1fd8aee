// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.testkit.KernelSockets;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What Linux still holds of the TCP connections inside this machine, see proc_net_tcp. */
final class KernelQueues {
  private static final String LISTENS = "0A";

  private record End(
      int localPort, int remotePort, long unacknowledged, long unread, boolean open) {}

  private KernelQueues() {}

  /** {@return how many connections to a port have bytes there that nobody has read} */
  static long unreadConnections(int port) {
    return ends().stream().filter(end -> end.localPort == port && end.unread > 0).count();
  }

  /**
   * Returns once all has been read at a port that was sent to it; nobody may be sending any more.
   */
  static void awaitAllRead(int port) {
    // One after the other: what is acknowledged has arrived.
    TestEngine.eventually(
        "all has arrived",
        () -> ends().stream().noneMatch(end -> end.remotePort == port && end.unacknowledged > 0));
    TestEngine.eventually("all has been read", () -> unreadConnections(port) == 0);
  }

  /** Returns once whoever listens at a port has closed every connection; nobody may connect. */
  static void awaitNoConnection(int port) {
    awaitAllRead(port);
    TestEngine.eventually(
        "all are closed",
        () -> ends().stream().noneMatch(end -> end.localPort == port && end.open));
  }

  private static List<End> ends() {
    List<End> ends = new ArrayList<>();
    try {
      for (Path table : KernelSockets.tables()) {
        for (String line : Files.readAllLines(table)) {
          String[] columns = line.strip().split(" +", -1);
          boolean titles = columns[0].equals("sl");
          if (!titles && !columns[3].equals(LISTENS)) {
            String[] queues = columns[4].split(":", -1);
            ends.add(
                new End(
                    port(columns[1]),
                    port(columns[2]),
                    Long.parseLong(queues[0], 16),
                    Long.parseLong(queues[1], 16),
                    !columns[9].equals("0")));
          }
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return ends;
  }

  private static int port(String addressAndPort) {
    return Integer.parseInt(addressAndPort.substring(addressAndPort.indexOf(':') + 1), 16);
  }
}
