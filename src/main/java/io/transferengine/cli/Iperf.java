// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** What iperf3 does over the loopback interface: one stream, without -Z. */
final class Iperf {
  /** The better of the two counts: which that is depends on the kernel. */
  private static final List<String> LENGTHS = List.of("128K", "1M");

  private static final int SECONDS = 3;

  /** Until its server listens; it says so nowhere that is easier to read. */
  private static final int CONNECT_ATTEMPTS = 20;

  private static final Duration ATTEMPT_PAUSE = Duration.ofMillis(100);
  private static final Duration RUN_LIMIT = Duration.ofSeconds(SECONDS + 10);

  private static final String SPEED = "/end/sum_received/bits_per_second";
  private static final String CPU_HERE = "/end/cpu_utilization_percent/host_total";
  private static final String CPU_THERE = "/end/cpu_utilization_percent/remote_total";
  private static final double BITS_PER_BYTE = 8;
  private static final double PERCENT = 100;

  private Iperf() {}

  /**
   * A figure.
   *
   * @param length its option -l
   * @param cpuSecondsPerGb of both its processes
   */
  record Result(String length, double gbPerSecond, double cpuSecondsPerGb) {}

  /** {@return the program, if one of the folders of {@code path} has it} */
  static Optional<Path> find(String path) {
    return Stream.of(path.split(File.pathSeparator, -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, "iperf3"))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /** {@return the best of its runs; empty when none worked} */
  static Optional<Result> run(Path program) {
    return LENGTHS.stream()
        .flatMap(length -> run(program, length).stream())
        .max(Comparator.comparingDouble(Result::gbPerSecond));
  }

  private static Optional<Result> run(Path program, String length) {
    Process server = null;
    try {
      String port = Integer.toString(freePort());
      server =
          quiet(program.toString(), "-s", "-1", "-B", Configs.LOOPBACK, "-p", port)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      for (int attempt = 0; attempt < CONNECT_ATTEMPTS; attempt++) {
        Thread.sleep(ATTEMPT_PAUSE);
        Optional<Result> result = client(program, length, port);
        if (result.isPresent()) {
          return result;
        }
      }
      return Optional.empty();
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while iperf3 ran");
    } finally {
      if (server != null) {
        server.destroyForcibly();
      }
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static ProcessBuilder quiet(String... command) {
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
  }

  private static Optional<Result> client(Path program, String length, String port)
      throws IOException, InterruptedException {
    Process client =
        quiet(
                program.toString(),
                "-c",
                Configs.LOOPBACK,
                "-p",
                port,
                "-t",
                Integer.toString(SECONDS),
                "-l",
                length,
                "-J")
            .start();
    try {
      // It prints all at its end, some 10 KB, which a pipe holds.
      if (!client.waitFor(RUN_LIMIT.toMillis(), TimeUnit.MILLISECONDS) || client.exitValue() != 0) {
        return Optional.empty();
      }
      Map<String, Double> numbers = numbers(client);
      Double bits = numbers.get(SPEED);
      if (bits == null || bits <= 0) {
        return Optional.empty();
      }
      double gbPerSecond = Units.gb((long) (bits / BITS_PER_BYTE));
      double cores =
          (numbers.getOrDefault(CPU_HERE, 0.0) + numbers.getOrDefault(CPU_THERE, 0.0)) / PERCENT;
      return Optional.of(new Result(length, gbPerSecond, cores / gbPerSecond));
    } finally {
      client.destroyForcibly();
    }
  }

  private static Map<String, Double> numbers(Process client) throws IOException {
    Map<String, Double> numbers = new HashMap<>();
    try (JsonParser parser = new JsonFactory().createParser(client.getInputStream())) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token.isNumeric()) {
          numbers.put(
              parser.getParsingContext().pathAsPointer().toString(), parser.getDoubleValue());
        }
      }
    }
    return numbers;
  }
}
