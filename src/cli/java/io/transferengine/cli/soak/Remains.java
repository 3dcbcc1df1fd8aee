// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What a process has that has to go with it: memory of memfds, sockets, names in {@code /dev/shm}.
 * It is noted just before the process is killed, and looked for in the kernel's tables and in those
 * that live on.
 */
final class Remains {
  private static final String MEMFD = "/memfd:";
  private static final String SHARED = "/dev/shm/";
  private static final String SOCKET = "socket:[";

  /** Columns of /proc/PID/maps. */
  private static final int MAPS_INODE_COLUMN = 4;

  private static final int MAPS_NAME_COLUMN = 5;

  private final long pid;
  private final Set<String> memfds = new HashSet<>();
  private final Set<String> sockets = new HashSet<>();
  private final Set<Path> names = new HashSet<>();

  /**
   * Notes what a process has.
   *
   * @param folder files in it stay
   */
  Remains(long pid, Path folder) {
    this.pid = pid;
    for (String line : ProcFiles.lines(ProcFiles.of(pid).resolve("maps"))) {
      String[] columns = line.split(" +", MAPS_NAME_COLUMN + 1);
      // A memfd of which it has no descriptor is that of a peer, who may live on.
      if (columns.length > MAPS_NAME_COLUMN && columns[MAPS_NAME_COLUMN].startsWith(SHARED)) {
        names.add(Path.of(columns[MAPS_NAME_COLUMN]));
      }
    }
    for (Path descriptor : ProcFiles.entries(ProcFiles.of(pid).resolve("fd"))) {
      note(target(descriptor), inode(descriptor));
    }
    names.removeIf(name -> name.startsWith(folder));
  }

  private void note(String name, String inode) {
    if (name.startsWith(MEMFD)) {
      memfds.add(inode);
    } else if (name.startsWith(SOCKET)) {
      sockets.add(name.substring(SOCKET.length(), name.length() - 1));
    } else if (name.startsWith(SHARED)) {
      names.add(Path.of(name));
    }
  }

  /**
   * {@return what is left of it, in words; empty if nothing is} It has ended.
   *
   * @param survivors processes that may have known it
   */
  List<String> left(List<Long> survivors) {
    List<String> found = new ArrayList<>();
    for (Path name : names) {
      if (Files.exists(name)) {
        found.add("the name " + name);
      }
    }
    addSockets(found, "tcp", ProcFiles.TCP_INODE_COLUMN);
    addSockets(found, "tcp6", ProcFiles.TCP_INODE_COLUMN);
    addSockets(found, "unix", ProcFiles.UNIX_INODE_COLUMN);
    survivors.forEach(survivor -> addHeld(found, survivor));
    return found;
  }

  private void addSockets(List<String> found, String table, int column) {
    for (String line : ProcFiles.lines(Path.of("/proc/net", table))) {
      String[] columns = line.strip().split(" +", -1);
      if (columns.length > column && sockets.contains(columns[column])) {
        found.add("a socket in " + table + ": " + line);
      }
    }
  }

  private void addHeld(List<String> found, long survivor) {
    for (String line : ProcFiles.lines(ProcFiles.of(survivor).resolve("maps"))) {
      String[] columns = line.split(" +", MAPS_NAME_COLUMN + 1);
      if (memfds.contains(columns[MAPS_INODE_COLUMN])) {
        found.add("memory in process " + survivor + ": " + line);
      }
    }
    for (Path descriptor : ProcFiles.entries(ProcFiles.of(survivor).resolve("fd"))) {
      String target = target(descriptor);
      if (target.startsWith(MEMFD) && memfds.contains(inode(descriptor))) {
        found.add("a descriptor in process " + survivor + ": " + target);
      }
      if (target.contains("pidfd") && isOfTheDead(survivor, descriptor)) {
        found.add("a descriptor in process " + survivor + " of process " + pid);
      }
    }
  }

  /** The kernel says -1 of a process that has ended. */
  private static boolean isOfTheDead(long survivor, Path descriptor) {
    return ProcFiles.lines(
            ProcFiles.of(survivor).resolve("fdinfo").resolve(descriptor.getFileName()))
        .stream()
        .anyMatch(line -> line.matches("Pid:\\s+-1"));
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException closedMeanwhile) {
      return "";
    }
  }

  private static String inode(Path descriptor) {
    try {
      return String.valueOf(Files.getAttribute(descriptor, "unix:ino"));
    } catch (IOException closedMeanwhile) {
      return "";
    }
  }
}
