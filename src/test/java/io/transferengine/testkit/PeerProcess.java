// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A peer in a JVM of its own, on the class path of this one, that runs {@link PeerMain}. One
 * command at a time. It never outlives this process: it ends with its standard input, and is killed
 * by {@link #close()}.
 */
public final class PeerProcess implements AutoCloseable {
  /** Stopping takes microseconds, on a busy machine milliseconds. */
  private static final long STOP_LIMIT_NANOS = 30_000_000_000L;

  /** The longest that any command may take, checks of a gigabyte on a busy machine included. */
  private static final int ANSWER_SECONDS = 60;

  private static final String END = "";

  private final Process process;
  private final Writer commands;
  private final LinkedBlockingQueue<String> answers = new LinkedBlockingQueue<>();
  private final List<String> log = new CopyOnWriteArrayList<>();
  private final Thread killer;
  private String name = "";

  private PeerProcess(Process process) {
    this.process = process;
    commands = process.outputWriter(StandardCharsets.UTF_8);
    read(process.getInputStream(), answers::add);
    read(
        process.getErrorStream(),
        line -> {
          log.add(line);
          LastResortCheck.look(line);
        });
    killer = new Thread(process::destroyForcibly);
    Runtime.getRuntime().addShutdownHook(killer);
  }

  /** Starts one with no variable of the engine's set, but that it uses the network. */
  public static PeerProcess start() {
    return start(Map.of());
  }

  /** Starts one with these variables besides. */
  public static PeerProcess start(Map<String, String> environment) {
    return start(List.of(), environment);
  }

  /**
   * Starts one by a command that ends in executing its arguments, and so may change what the peer
   * is allowed or sees.
   */
  public static PeerProcess start(List<String> launcher, Map<String, String> environment) {
    return start(launcher, List.of(), environment);
  }

  /** As above, with options of the JVM that come after ours and so may overrule them. */
  public static PeerProcess start(
      List<String> launcher, List<String> options, Map<String, String> environment) {
    ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(launcher));
    Collections.addAll(
        builder.command(),
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--enable-native-access=ALL-UNNAMED",
        "-Xmx512m",
        "-XX:MaxDirectMemorySize=2g",
        "-XX:TieredStopAtLevel=1");
    builder.command().addAll(options);
    Collections.addAll(
        builder.command(),
        "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
        PeerMain.class.getName());
    builder.environment().keySet().removeIf(key -> key.startsWith("MC_") || key.startsWith("TE_"));
    // Or nothing would go over the network.
    builder.environment().put("TE_LOCAL", "off");
    builder.environment().putAll(environment);
    try {
      return new PeerProcess(builder.start());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Starts one and initializes its engine for TCP on 127.0.0.1. */
  public static PeerProcess initialized(Map<String, String> environment) {
    return initialized(start(environment));
  }

  /** {@return that process, whose engine is initialized for TCP on 127.0.0.1; if not, it ends} */
  public static PeerProcess initialized(PeerProcess started) {
    try {
      started.initialize("127.0.0.1");
      return started;
    } catch (Throwable t) {
      started.close();
      throw t;
    }
  }

  /** Initializes its engine for TCP. */
  public void initialize(String host) {
    initialize(host, "tcp", "");
  }

  /** Initializes its engine for a protocol on devices, an empty text for the best and for all. */
  public void initialize(String host, String protocol, String deviceNames) {
    long status = call("initialize", host, "P2PHANDSHAKE", protocol, deviceNames);
    if (status != 0) {
      throw new IllegalStateException("the peer's initialize gave " + status + ": " + log);
    }
    name = host + ":" + call("getRpcPort");
  }

  /** Initializes its engine for TCP under a name that a metadata service keeps. */
  public void register(String segmentName, String metadataServer) {
    long status = call("initialize", segmentName, metadataServer, "tcp", "");
    if (status != 0) {
      throw new IllegalStateException("the peer's initialize gave " + status + ": " + log);
    }
    name = segmentName;
  }

  private static void read(InputStream stream, java.util.function.Consumer<String> sink) {
    Thread.ofVirtual()
        .start(
            () -> {
              try (var lines =
                  new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
                for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                  sink.accept(line);
                }
              } catch (IOException e) {
                // The process was killed.
              }
              sink.accept(END);
            });
  }

  /** {@return the name of its segment} */
  public String name() {
    return name;
  }

  /** {@return what it has logged so far} */
  public List<String> log() {
    return log;
  }

  /** {@return the process} */
  public Process process() {
    return process;
  }

  /** Sends a command without waiting for its answer; {@link #answer} is to follow. */
  public synchronized void tell(String command, Object... args) {
    List<String> words = new ArrayList<>(List.of(command));
    for (Object arg : args) {
      words.add(URLEncoder.encode(text(arg), StandardCharsets.UTF_8));
    }
    try {
      commands.write(String.join("\t", words) + "\n");
      commands.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** {@return the answer to the last command} */
  public synchronized String answer() {
    try {
      String answer = answers.poll(ANSWER_SECONDS, TimeUnit.SECONDS);
      if (answer == null || answer.equals(END)) {
        throw new IllegalStateException("no answer from the peer; its log: " + log);
      }
      String text = URLDecoder.decode(answer.substring(1), StandardCharsets.UTF_8);
      if (answer.charAt(0) != '=') {
        throw new IllegalStateException("the peer threw " + text + "; its log: " + log);
      }
      return text;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** {@return the answer to a command of {@link PeerMain}} */
  public synchronized String ask(String command, Object... args) {
    tell(command, args);
    return answer();
  }

  /** {@return what a method of its TransferEngine returned} */
  public String text(String method, Object... args) {
    Object[] all = new Object[args.length + 1];
    all[0] = method;
    System.arraycopy(args, 0, all, 1, args.length);
    return ask("call", all);
  }

  /** {@return the number that a method of its TransferEngine returned} */
  public long call(String method, Object... args) {
    return Long.parseLong(text(method, args));
  }

  /** {@return the address of so much managed memory} */
  public long allocate(long lengthBytes) {
    long address = call("allocateManagedBuffer", lengthBytes);
    if (address == 0) {
      throw new IllegalStateException("the peer could not allocate: " + log);
    }
    return address;
  }

  /** {@return the address of so much memory outside of the engine} */
  public long map(long lengthBytes) {
    return Long.parseLong(ask("map", lengthBytes));
  }

  /** Fills a range of its memory with a {@link Pattern} that begins at offset 0. */
  public void fill(long address, long lengthBytes, long seed) {
    ask("fill", address, lengthBytes, seed, 0);
  }

  /** Fills a range of its memory with zeros. */
  public void zero(long address, long lengthBytes) {
    ask("zero", address, lengthBytes);
  }

  /** {@return where a range of its memory differs first from a {@link Pattern}, or -1} */
  public long mismatch(long address, long lengthBytes, long seed) {
    return mismatch(address, lengthBytes, seed, 0);
  }

  /** {@return as above, for a pattern that begins at an offset} */
  public long mismatch(long address, long lengthBytes, long seed, long offset) {
    return Long.parseLong(ask("mismatch", address, lengthBytes, seed, offset));
  }

  private static String text(Object arg) {
    if (arg instanceof long[] longs) {
      return Arrays.stream(longs).mapToObj(Long::toString).collect(Collectors.joining(","));
    }
    return arg instanceof byte[] bytes
        ? Base64.getEncoder().encodeToString(bytes)
        : String.valueOf(arg);
  }

  /** SIGSTOP: when this returns it stands still, every thread, with all its connections open. */
  public void stop() {
    signal("STOP");
    long endNanos = System.nanoTime() + STOP_LIMIT_NANOS;
    // The signal is on its way when kill(1) ends; threads run on until each has noticed.
    while (!isStopped()) {
      if (System.nanoTime() - endNanos > 0) {
        throw new IllegalStateException("The peer has not stopped");
      }
      Thread.onSpinWait();
    }
  }

  /** Whether each thread is in state T: the field behind the name in brackets, see proc(5). */
  private boolean isStopped() {
    Path tasks = Path.of("/proc", Long.toString(process.pid()), "task");
    try (Stream<Path> threads = Files.list(tasks)) {
      for (Path thread : threads.toList()) {
        String stat = Files.readString(thread.resolve("stat"));
        if (stat.charAt(stat.lastIndexOf(')') + 2) != 'T') {
          return false;
        }
      }
      return true;
    } catch (IOException e) {
      // A thread that has just ended; the others are looked at again.
      return false;
    }
  }

  /** SIGCONT. */
  public void resume() {
    signal("CONT");
  }

  private void signal(String signal) {
    try {
      int status =
          new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid()))
              .inheritIO()
              .start()
              .waitFor();
      if (status != 0) {
        throw new IllegalStateException("kill -" + signal + " gave " + status);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** SIGKILL, and waits until it is gone. */
  public void kill() {
    process.destroyForcibly();
    try {
      if (!process.waitFor(10, TimeUnit.SECONDS)) {
        throw new IllegalStateException("process " + process.pid() + " does not die");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
  }
}
