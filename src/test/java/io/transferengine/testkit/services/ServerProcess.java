// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** A server of another project in a process of its own, with a folder of its own. */
final class ServerProcess implements AutoCloseable {
  private static final int START_SECONDS = 60;

  private final List<String> command;
  private final int port;
  private final Path folder;
  private Process process;
  private Thread killer;

  /** Skips the test, or fails it on the build server, where the machine lacks a program. */
  static void need(String program, String debianPackage) {
    boolean present =
        Stream.of(System.getenv("PATH").split(":", -1))
            .anyMatch(folder -> Files.isExecutable(Path.of(folder, program)));
    Needs.that(
        present,
        program + " is missing: package " + debianPackage + ", which ./te test installs as root");
  }

  /**
   * Starts it and waits until it listens.
   *
   * @param folder its own; removed in the end
   * @param port where it will listen
   */
  ServerProcess(List<String> command, Path folder, int port) {
    this.command = command;
    this.folder = folder;
    this.port = port;
    process = launch();
    killer = hook(process);
    awaitListening();
  }

  static Path newFolder(String name) {
    try {
      return Files.createTempDirectory("te-" + name);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static int freePort() {
    try {
      return FreePorts.next();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Process launch() {
    try {
      return new ProcessBuilder(command)
          .directory(folder.toFile())
          .redirectErrorStream(true)
          .redirectOutput(ProcessBuilder.Redirect.appendTo(folder.resolve("server.log").toFile()))
          .start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Thread hook(Process process) {
    Thread made = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(made);
    return made;
  }

  private void awaitListening() {
    long endNanos = System.nanoTime() + TimeUnit.SECONDS.toNanos(START_SECONDS);
    while (System.nanoTime() < endNanos) {
      try (Socket socket = new Socket()) {
        socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 1000);
        return;
      } catch (IOException e) {
        if (!process.isAlive()) {
          break;
        }
        sleep();
      }
    }
    String log = log();
    close();
    throw new IllegalStateException(command + " does not listen: " + log);
  }

  private static void sleep() {
    try {
      Thread.sleep(20);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private String log() {
    try {
      return Files.readString(folder.resolve("server.log"));
    } catch (IOException e) {
      return e.toString();
    }
  }

  long pid() {
    return process.pid();
  }

  void kill() {
    process.destroyForcibly();
    try {
      if (!process.waitFor(START_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("process " + process.pid() + " does not die");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    try {
      Runtime.getRuntime().removeShutdownHook(killer);
    } catch (IllegalStateException e) {
      // The hook is running already.
    }
  }

  void restart() {
    process = launch();
    killer = hook(process);
    awaitListening();
  }

  @Override
  public void close() {
    kill();
    remove(folder);
  }

  static void remove(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files.sorted(Comparator.reverseOrder()).forEach(path -> path.toFile().delete());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
