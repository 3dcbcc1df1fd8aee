// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.cli.console.CommandEnvironment;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.faults.CheckedMemory;
import io.transferengine.cli.faults.Relay;
import io.transferengine.cli.faults.Trap;
import io.transferengine.cli.target.TargetLink;
import io.transferengine.cli.target.TargetProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A process of a group, its memory, and the relays in front of its ports. The process listens on
 * 127.0.0.1 and tells its peers 127.0.0.2, where the relays have the same ports: so nothing that it
 * says needs to be changed. Its memory is a file, which stays when the process is killed.
 */
final class Member implements AutoCloseable {
  private static final String REAL = "127.0.0.1";
  private static final String TOLD = "127.0.0.2";
  private static final int FIRST_PORT = 20_000;
  private static final int LAST_PORT = 31_999;
  private static final int PORT_TRIES = 200;
  private static final int END_SECONDS = 20;

  private static final List<String> JVM_OPTIONS =
      List.of("-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1");

  private final Setup setup;
  private final String name;
  private final Path file;
  private final Path log;
  private final Arena arena = Arena.ofShared();
  private final CheckedMemory memory;
  private final Relay handshakes;
  private final Relay data;
  private Process process;
  private TargetLink link;
  private final Thread killer;
  private String segment = "";
  private long base;
  private int ownSockets;

  /**
   * How the processes of a group are made.
   *
   * @param protocol of their engines
   * @param metadataServer of their engines
   * @param folder for memory and logs
   * @param variables of their environment, the engine's options
   */
  record Setup(
      CommandEnvironment environment,
      String protocol,
      String metadataServer,
      Path folder,
      Map<String, String> variables) {}

  Member(Setup setup, String name, Trap trap, long seed) {
    this.setup = setup;
    this.name = name;
    file = setup.folder().resolve(name + ".memory");
    log = setup.folder().resolve(name + ".log");
    try (FileChannel channel =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE)) {
      memory =
          new CheckedMemory(
              name, channel.map(FileChannel.MapMode.READ_WRITE, 0, Layout.ALL_BYTES, arena), seed);
      handshakes = relay(trap, true);
      data = relay(trap, false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    process = launch();
    link = link(process);
    killer = new Thread(() -> process.destroyForcibly());
    Runtime.getRuntime().addShutdownHook(killer);
    greet();
  }

  /** A port that is free at both addresses. */
  private static Relay relay(Trap trap, boolean handshake) throws IOException {
    IOException last = new IOException("no port");
    for (int i = 0; i < PORT_TRIES; i++) {
      int port = FIRST_PORT + (int) (Math.random() * (LAST_PORT - FIRST_PORT));
      InetSocketAddress at = new InetSocketAddress(InetAddress.ofLiteral(TOLD), port);
      InetSocketAddress to = new InetSocketAddress(InetAddress.ofLiteral(REAL), port);
      try (ServerSocket free = new ServerSocket()) {
        free.bind(to);
        return handshake ? Relay.handshake(at, to, trap) : Relay.data(at, to, trap);
      } catch (IOException e) {
        last = e;
      }
    }
    throw last;
  }

  private Process launch() {
    ProcessBuilder builder =
        TargetProcess.java(
                setup.environment(),
                JVM_OPTIONS,
                SoakAgent.class,
                List.of(file.toString(), setup.protocol(), setup.metadataServer(), localName()))
            .redirectError(ProcessBuilder.Redirect.appendTo(log.toFile()));
    Map<String, String> variables = builder.environment();
    variables.keySet().removeIf(key -> key.startsWith("MC_") || key.startsWith("TE_"));
    variables.putAll(setup.variables());
    variables.put("TE_LISTEN_ADDRESS", REAL);
    variables.put("TE_ADVERTISED_HOST", TOLD);
    variables.put("TE_RPC_PORT", Integer.toString(handshakes.port()));
    variables.put("TE_DATA_PORT", Integer.toString(data.port()));
    try {
      return builder.start();
    } catch (IOException e) {
      throw CommandException.lacks("A process could not be started: " + e.getMessage());
    }
  }

  private String localName() {
    return setup.metadataServer().equals("P2PHANDSHAKE") ? REAL : name;
  }

  private static TargetLink link(Process process) {
    return new TargetLink(
        process.getInputStream(), process.getOutputStream(), process::destroyForcibly);
  }

  private void greet() {
    String[] words = link.segmentName().split(" ", -1);
    segment = words[0];
    base = Long.parseLong(words[1]);
    ownSockets = sockets();
  }

  /** SIGKILL. */
  void kill() {
    process.destroyForcibly();
  }

  /** Waits for the end of a process that was killed. */
  void awaitEnd() {
    try {
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw new AssertionError(name + " does not die");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted");
    }
  }

  /** A process that was killed comes back, with the same ports and memory. */
  void restart() {
    awaitEnd();
    process = launch();
    link = link(process);
    greet();
  }

  boolean isAlive() {
    return process.isAlive();
  }

  /** SIGSTOP. */
  void stop() {
    signal("STOP");
  }

  /** SIGCONT. */
  void resume() {
    signal("CONT");
  }

  private void signal(String signal) {
    try {
      int _ =
          new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start().waitFor();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      throw new AssertionError("Nobody knows this thread", e);
    }
  }

  /** {@return the agent's answer} */
  String ask(Object... words) {
    return link.ask(words);
  }

  String name() {
    return name;
  }

  String segment() {
    return segment;
  }

  /** {@return where its memory begins in its process} */
  long base() {
    return base;
  }

  CheckedMemory memory() {
    return memory;
  }

  Path log() {
    return log;
  }

  List<Relay> relays() {
    return List.of(handshakes, data);
  }

  /** {@return how many connections its process has, in both roles} */
  int connections() {
    return sockets() - ownSockets;
  }

  private int sockets() {
    try (var descriptors = Files.newDirectoryStream(Path.of("/proc/" + process.pid() + "/fd"))) {
      int count = 0;
      for (Path descriptor : descriptors) {
        count += isSocket(descriptor) ? 1 : 0;
      }
      return count;
    } catch (IOException e) {
      return 0; // It has ended.
    }
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith("socket:");
    } catch (IOException e) {
      return false; // Closed meanwhile.
    }
  }

  @Override
  public void close() {
    kill();
    try {
      Runtime.getRuntime().removeShutdownHook(killer);
    } catch (IllegalStateException e) {
      // The hook is running already.
    }
    relays().forEach(Relay::close);
    awaitEnd();
    arena.close();
  }
}
