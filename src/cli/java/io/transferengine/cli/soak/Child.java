// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.TargetLink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A process that answers requests, can be killed, stopped and started again, and never outlives
 * this one. What it holds is read from /proc, since the process itself may be at fault.
 */
final class Child {
  private static final int END_SECONDS = 60;

  private final ProcessBuilder builder;
  private final String name;
  private final Thread killer;
  private Process process;
  private TargetLink link;
  private String[] greeting;
  private @Nullable Sockets sockets;

  /** What a process holds. */
  record Holdings(int descriptors, int threads, int mappings, long ownKib) {}

  Child(String name, ProcessBuilder builder) {
    this.name = name;
    this.builder = builder;
    process = launch();
    killer = new Thread(() -> process.destroyForcibly());
    Runtime.getRuntime().addShutdownHook(killer);
    link = link();
    greeting = new String[0];
  }

  private Process launch() {
    try {
      return builder.start();
    } catch (IOException e) {
      throw CommandException.lacks("A process could not be started: " + e.getMessage());
    }
  }

  private TargetLink link() {
    return new TargetLink(
        process.getInputStream(), process.getOutputStream(), process::destroyForcibly);
  }

  /** {@return the words of its first line} Waits for it. */
  String[] greeting() {
    if (greeting.length == 0) {
      greeting = link.segmentName().split(" ", -1);
    }
    return greeting.clone();
  }

  /** {@return its answer} */
  String ask(Object... words) {
    return link.ask(words);
  }

  String name() {
    return name;
  }

  long pid() {
    return process.pid();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGKILL. */
  void kill() {
    process.destroyForcibly();
  }

  /** Starts it again, when it has ended. */
  void restart() {
    awaitEnd();
    process = launch();
    link = link();
    greeting = new String[0];
    sockets = null;
  }

  private void awaitEnd() {
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError(name + " does not die");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted");
    }
  }

  /** SIGSTOP. */
  void stop() {
    signal("STOP");
  }

  /** SIGCONT. */
  void resume() {
    signal("CONT");
  }

  /** By a shell's own command: not every machine has a program for it. */
  private void signal(String name) {
    String _ =
        Tool.run(
            List.of("sh", "-c", "kill -%s %d".formatted(name, process.pid()))); // Or it has ended.
  }

  /** {@return how many connections it has, in both roles, those included that have ended} */
  int connections() {
    return sockets().connections();
  }

  /** {@return what the kernel knows of each, for a failure} */
  List<String> listConnections() {
    return sockets().list();
  }

  /** Has sockets counted no more that are lost, so many at most. {@return how many more are} */
  int giveUpLostSockets(int limit) {
    return sockets().giveUpLost(limit);
  }

  private Sockets sockets() {
    Sockets known = sockets;
    if (known == null) {
      known = new Sockets(proc("."));
      sockets = known;
    }
    return known;
  }

  /** Its engine is another by now. */
  void hasOtherPorts() {
    sockets = null;
  }

  Holdings holdings() {
    return new Holdings(
        count("fd", _ -> true), count("task", Child::isOurs), lines("maps").size(), ownMemoryKib());
  }

  /** {@return whether it has a file mapped or open} */
  boolean holds(Path file) {
    return lines("maps").stream().anyMatch(line -> line.contains(file.toString()))
        || count("fd", descriptor -> isOf(descriptor, file)) > 0;
  }

  private static boolean isOf(Path descriptor, Path file) {
    try {
      return Files.readSymbolicLink(descriptor).startsWith(file);
    } catch (IOException e) {
      return false; // Closed meanwhile.
    }
  }

  private List<String> lines(String entry) {
    return ProcFiles.lines(proc(entry));
  }

  private Path proc(String entry) {
    return ProcFiles.of(process.pid()).resolve(entry);
  }

  private int count(String folder, Predicate<Path> wanted) {
    return (int) ProcFiles.entries(proc(folder)).stream().filter(wanted).count();
  }

  /** {@return the names of the engine's threads, for a failure} */
  List<String> listThreads() {
    return ProcFiles.entries(proc("task")).stream().filter(Child::isOurs).map(Child::name).toList();
  }

  /** A thread of the engine; those of the JVM come and go. */
  private static boolean isOurs(Path task) {
    return name(task).startsWith("te-");
  }

  private static String name(Path task) {
    try {
      return Files.readString(task.resolve("comm")).strip();
    } catch (IOException e) {
      return ""; // It has ended.
    }
  }

  /** Resident memory that is not a file's. */
  private long ownMemoryKib() {
    return lines("status").stream()
        .filter(line -> line.startsWith("RssAnon:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .findFirst()
        .orElse(0);
  }

  /** Kills it and waits for its end. */
  void end() {
    kill();
    try {
      boolean _ = Runtime.getRuntime().removeShutdownHook(killer);
    } catch (IllegalStateException e) {
      // The hook is running already.
    }
    awaitEnd();
  }
}
