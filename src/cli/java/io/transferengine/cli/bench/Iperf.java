// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.Configs;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;

/** iperf3 over the loopback interface: one stream, without -Z, once in a round. */
final class Iperf implements Reference {
  static final String NAME = "iperf3";

  /** The better of the two counts; which one that is depends on the kernel. */
  private static final List<String> LENGTHS = List.of("128K", "1M");

  private static final int SECONDS = 3;

  /** Time for its server to listen; it does not report that in a form that is easy to read. */
  private static final int CONNECT_ATTEMPTS = 20;

  private static final Duration ATTEMPT_PAUSE = Duration.ofMillis(100);
  private static final Duration RUN_LIMIT = Duration.ofSeconds(SECONDS + 10);

  private static final String SPEED = "/end/sum_received/bits_per_second";
  private static final String CPU_HERE = "/end/cpu_utilization_percent/host_total";
  private static final String CPU_THERE = "/end/cpu_utilization_percent/remote_total";
  private static final double BITS_PER_BYTE = 8;
  private static final double PERCENT = 100;

  private final Path program;
  private Optional<Figure> figure = Optional.empty();

  Iperf(Path program) {
    this.program = program;
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public void beginRound() {
    Optional<Figure> best =
        LENGTHS.stream()
            .flatMap(length -> run(length).stream())
            .max(Comparator.comparingDouble(Figure::gbPerSecond));
    if (best.isEmpty()) {
      throw CommandException.failed(
          "--against iperf3: it did not run; use --against none to leave it out");
    }
    figure = best;
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    return figure;
  }

  @Override
  public String explanation() {
    return "iperf3: one stream over the loopback interface, the better of -l "
        + String.join(" and -l ", LENGTHS)
        + ", before each round";
  }

  private Optional<Figure> run(String length) {
    Process server = null;
    try {
      String port = Integer.toString(FreePorts.next());
      server =
          quiet(program.toString(), "-s", "-1", "-B", Configs.LOOPBACK, "-p", port)
              .redirectOutput(ProcessBuilder.Redirect.DISCARD)
              .start();
      for (int attempt = 0; attempt < CONNECT_ATTEMPTS; attempt++) {
        Thread.sleep(ATTEMPT_PAUSE);
        Optional<Figure> result = client(length, port);
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
      Reference.end(server);
    }
  }

  private static ProcessBuilder quiet(String... command) {
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
  }

  private Optional<Figure> client(String length, String port)
      throws IOException, InterruptedException {
    String seconds = Integer.toString(SECONDS);
    List<String> command =
        List.of(
            program.toString(),
            "-c",
            Configs.LOOPBACK,
            "-p",
            port,
            "-t",
            seconds,
            "-l",
            length,
            "-J");
    Process client = quiet(command.toArray(new String[0])).start();
    try {
      // It prints everything at its end, some 10 KB, which fit into a pipe.
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
      return Optional.of(
          new Figure(gbPerSecond, OptionalDouble.of(cores / gbPerSecond), OptionalDouble.empty()));
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
