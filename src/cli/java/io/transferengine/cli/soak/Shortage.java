// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Takes a resource from a running process, by its limits: what it has it keeps, but it gets no more
 * of it, as when the process or its neighbours had used it up.
 *
 * <p>The limit on threads is one on those of a user, and none for root. So as root, processes run
 * as a user that nobody else is.
 */
final class Shortage {
  /** What a process can run out of. */
  enum Resource {
    DESCRIPTORS("nofile", "Max open files"),
    THREADS("nproc", "Max processes");

    private final String option;
    private final String line;

    Resource(String option, String line) {
      this.option = option;
      this.line = line;
    }
  }

  private static final String LEAST = "1";

  /** Beyond the users that anything has been given. */
  private static final int FIRST_USER = 1_100_000_000;

  /** Its files still belong to root. */
  private static final List<String> AS_USER =
      List.of("--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override");

  private static final AtomicInteger USERS = new AtomicInteger(FIRST_USER);

  /** Looked up when it is first needed. */
  private static final class User {
    static final boolean IS_ROOT = user(Path.of("/proc/self")) == 0;

    /** A container's root may not be allowed to. */
    static final boolean CHANGES =
        IS_ROOT
            && canRun("setpriv")
            && run(asNextUser(List.of("prlimit", "--nproc=1:", "true"))) == 0;
  }

  private final long pid;
  private final Resource resource;
  private final String before;

  private Shortage(long pid, Resource resource, String before) {
    this.pid = pid;
    this.resource = resource;
    this.before = before;
  }

  /** From now on the process gets no more of it. */
  static Shortage begin(long pid, Resource resource) {
    Shortage shortage = new Shortage(pid, resource, softLimit(pid, resource));
    if (shortage.set(LEAST) != 0) {
      throw CommandException.lacks("prlimit --" + resource.option + " failed, see above");
    }
    return shortage;
  }

  /** The process gets it again. */
  void end() {
    int _ = set(before); // Or it has ended.
  }

  private int set(String softLimit) {
    List<String> command =
        List.of(
            "prlimit", "--pid", Long.toString(pid), "--" + resource.option + "=" + softLimit + ":");
    // Limits of a process of another user are not even a container's root's to set.
    int user = user(Path.of("/proc", Long.toString(pid)));
    return run(user >= FIRST_USER ? asUser(user, command) : command);
  }

  private static String softLimit(long pid, Resource resource) {
    try {
      return Files.readAllLines(Path.of("/proc", Long.toString(pid), "limits")).stream()
          .filter(line -> line.startsWith(resource.line))
          .map(line -> line.substring(resource.line.length()).strip().split(" +", 2)[0])
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return whether processes that {@link #limitable} starts can run out of threads} */
  static boolean canTakeThreads() {
    return !User.IS_ROOT || User.CHANGES;
  }

  /** {@return a command that does the same, in a process whose threads can be limited} */
  static List<String> limitable(List<String> command) {
    return User.CHANGES ? asNextUser(command) : command;
  }

  private static List<String> asNextUser(List<String> command) {
    return asUser(USERS.getAndIncrement(), command);
  }

  private static List<String> asUser(int user, List<String> command) {
    List<String> all = new ArrayList<>(List.of("setpriv", "--reuid=" + user));
    all.addAll(AS_USER);
    all.addAll(command);
    return all;
  }

  /** {@return that of a process; -1 if it has ended} */
  private static int user(Path process) {
    try {
      return (Integer) Files.getAttribute(process, "unix:uid");
    } catch (NoSuchFileException e) {
      return -1;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean canRun(String tool) {
    return Files.isExecutable(Path.of("/usr/bin", tool));
  }

  private static int run(List<String> command) {
    try {
      return new ProcessBuilder(command).inheritIO().start().waitFor();
    } catch (IOException e) {
      throw CommandException.lacks(command.getFirst() + " cannot be run: " + e.getMessage());
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }
}
