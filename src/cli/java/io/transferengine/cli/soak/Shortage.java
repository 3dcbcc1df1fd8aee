// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
    /** No process has fewer open. With less than it waits for, poll(2) would fail as well. */
    DESCRIPTORS("nofile", "Max open files", "8"),
    THREADS("nproc", "Max processes", "1");

    private final String option;
    private final String line;
    private final String least;

    Resource(String option, String line, String least) {
      this.option = option;
      this.line = line;
      this.least = least;
    }
  }

  /** Beyond the users that anything has been given. */
  private static final int FIRST_USER = 1_100_000_000;

  /** Its files still belong to root. */
  private static final List<String> AS_USER =
      List.of("--clear-groups", "--inh-caps=+dac_override", "--ambient-caps=+dac_override");

  /** It repeats what it is told, until that ends. */
  private static final List<String> ANSWERING = List.of("cat");

  /** The status of a process that was killed: 128 and the signal's number. */
  private static final int KILLED = 137;

  private static final AtomicInteger USERS = new AtomicInteger(FIRST_USER);

  /**
   * Tried when it is first needed: machines lack commands, and a container's root has few rights.
   */
  private static final class Tried {
    static final boolean IS_ROOT = user(Path.of("/proc/self")) == 0;

    static final boolean LIMITS = isVictim(ANSWERING);

    /** Root may not see, limit or end what others run unless it has capabilities for each. */
    static final boolean CHANGES_USER = LIMITS && IS_ROOT && isVictim(asNextUser(ANSWERING));
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
    String complaint = shortage.set(resource.least);
    if (!complaint.isEmpty()) {
      throw CommandException.lacks(complaint);
    }
    return shortage;
  }

  /** The process gets it again. */
  void end() {
    String _ = set(before); // Or it has ended.
  }

  private String set(String softLimit) {
    List<String> command =
        List.of(
            "prlimit", "--pid", Long.toString(pid), "--" + resource.option + "=" + softLimit + ":");
    // Limits of a process of another user are not even a container's root's to set.
    int user = user(Path.of("/proc", Long.toString(pid)));
    return Tool.run(user >= FIRST_USER ? asUser(user, command) : command);
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

  /** {@return whether processes that {@link #limitable} starts can run out of it} */
  static boolean canTake(Resource resource) {
    return (resource == Resource.THREADS && Tried.IS_ROOT) ? Tried.CHANGES_USER : Tried.LIMITS;
  }

  /** {@return a command that does the same, in a process whose threads can be limited} */
  static List<String> limitable(List<String> command) {
    return Tried.CHANGES_USER ? asNextUser(command) : command;
  }

  /** {@return whether all that happens to a process can happen to one that this command starts} */
  private static boolean isVictim(List<String> command) {
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      try (OutputStream question = process.getOutputStream()) {
        question.write('?');
        question.flush();
        if (process.getInputStream().read() != '?') {
          return false;
        }
        Path _ = Files.readSymbolicLink(Path.of("/proc", Long.toString(process.pid()), "fd", "0"));
        for (Resource resource : Resource.values()) {
          begin(process.pid(), resource).end();
        }
        process.destroyForcibly(); // Before it ends because its input does.
      }
      return process.waitFor() == KILLED;
    } catch (IOException | UncheckedIOException | CommandException e) {
      return false;
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
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

  /**
   * Removes what engines of the users of {@link #limitable} have left for who looks at their
   * figures: nobody is these users again. What another run's processes still use stays, and so do
   * the folders.
   */
  static void clearUsers() {
    for (int user = FIRST_USER; user < USERS.get(); user++) {
      clear(Path.of("/tmp", "transfer-engine-" + user), user);
    }
  }

  /** Anybody may have put something else in its place. */
  static void clear(Path folder, int user) {
    try {
      Map<String, Object> found =
          Files.readAttributes(folder, "unix:uid,isDirectory", LinkOption.NOFOLLOW_LINKS);
      if (found.equals(Map.of("uid", user, "isDirectory", true))) {
        clear(folder);
      }
    } catch (IOException e) {
      // It has left nothing, or another run is at it.
    }
  }

  private static void clear(Path folder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.counters")) {
      for (Path file : files) {
        String pid = file.getFileName().toString().replaceFirst("-.*", "");
        if (!Files.exists(Path.of("/proc", pid))) {
          boolean _ = Files.deleteIfExists(file);
        }
      }
    } catch (DirectoryIteratorException e) {
      throw e.getCause();
    }
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
}
