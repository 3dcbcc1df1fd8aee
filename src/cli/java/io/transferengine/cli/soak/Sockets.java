// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;

/**
 * Counts the connections of a process, from /proc. The tables of TCP sockets are read once only:
 * they list those of the whole machine, and the kernel looks through 262,144 buckets for them. Not
 * thread-safe.
 */
final class Sockets {
  /**
   * A listener's state in /proc/net/tcp, between the peer's address, which is none, and 0 bytes.
   */
  private static final String LISTENING = ":0000 0A ";

  private final Path process;

  /** Ports are opened before a process says that it is ready; none follows. */
  private final Set<String> listeners = new HashSet<>();

  /** They count no more. */
  private final Set<String> lost = new HashSet<>();

  /** What the last look for lost ones found. */
  private Set<String> nameless = Set.of();

  /**
   * @param process its folder in /proc; it has opened its ports
   */
  Sockets(Path process) {
    this.process = process;
    for (String table : List.of("net/tcp", "net/tcp6")) {
      inodes(table, ProcFiles.TCP_INODE_COLUMN, line -> line.contains(LISTENING), listeners);
    }
  }

  /** {@return how many connections there are, in both roles, those included that have ended} */
  int connections() {
    return open().size();
  }

  private List<String> open() {
    Set<String> others = new HashSet<>(listeners);
    others.addAll(lost);
    // The JDK makes one for itself, at some time.
    inodes("net/unix", ProcFiles.UNIX_INODE_COLUMN, _ -> true, others);
    return ProcFiles.entries(process.resolve("fd")).stream()
        .map(Sockets::target)
        .filter(target -> target.startsWith("socket:") && !others.contains(target))
        .distinct() // callers send on a second descriptor of a socket
        .toList();
  }

  /**
   * Looks for sockets that the kernel's tables do not have: their connections were reset, or never
   * made. Those that a look before this one has found, too, count no more.
   *
   * @param limit of all that may be lost
   * @return how many more are
   */
  int giveUpLost(int limit) {
    Set<String> now = new HashSet<>(open());
    for (String table : List.of("net/tcp", "net/tcp6")) {
      rows(table, ProcFiles.TCP_INODE_COLUMN, _ -> true)
          .forEach(columns -> now.remove(socket(columns[ProcFiles.TCP_INODE_COLUMN])));
    }
    int before = lost.size();
    now.stream().filter(nameless::contains).limit(limit - before).forEach(lost::add);
    nameless = now;
    return lost.size() - before;
  }

  /** {@return each of them with its line of the kernel's table, for a failure} */
  List<String> list() {
    Map<String, String> lines = new HashMap<>();
    for (String table : List.of("net/tcp", "net/tcp6")) {
      rows(table, ProcFiles.TCP_INODE_COLUMN, _ -> true)
          .forEach(
              columns -> lines.put(socket(columns[ProcFiles.TCP_INODE_COLUMN]), state(columns)));
    }
    return open().stream()
        .map(socket -> lines.getOrDefault(socket, "of no address and state"))
        .sorted()
        .toList();
  }

  /** The addresses and the state as numbers in base 16. */
  private static String state(String[] columns) {
    return "%s to %s in state %s".formatted(columns[1], columns[2], columns[3]);
  }

  private void inodes(String table, int column, Predicate<String> wanted, Set<String> sockets) {
    rows(table, column, wanted).forEach(columns -> sockets.add(socket(columns[column])));
  }

  private static String socket(String inode) {
    return "socket:[" + inode + "]";
  }

  private List<String[]> rows(String table, int column, Predicate<String> wanted) {
    return ProcFiles.lines(process.resolve(table)).stream()
        .filter(wanted)
        .map(line -> line.strip().split(" +", -1))
        .filter(columns -> columns.length > column)
        .toList();
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (NoSuchFileException e) {
      return ""; // Closed meanwhile.
    } catch (IOException e) {
      throw new UncheckedIOException(e); // It may be a connection.
    }
  }
}
