// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.EngineSetup;
import io.transferengine.transfer.Operation;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * ucx_perftest. For rows of one block ucp_put_lat for writes and ucp_get for reads, one at a time;
 * for batches as many of ucp_put_bw or ucp_get under way. It moves one and the same block all the
 * time. Both of its processes poll without a pause, so it shows what a machine with a processor for
 * each allows.
 */
final class UcxPerftest implements Reference {
  static final String NAME = "ucx_perftest";
  static final String PACKAGE = "ucx-utils";

  /** It takes no time, only a number of iterations: it is ended when it has run for so long. */
  private static final Duration MEASURED = Duration.ofSeconds(3);

  private static final String ITERATIONS = "100000000";

  /** Few, since on a busy machine two that poll wait milliseconds for each other. */
  private static final String WARM_UP = "1000";

  /** The transports of UCX that go the way of ours. */
  private static final String OVER_TCP = "tcp";

  private static final String ON_ONE_MACHINE = "posix,cma,self";
  private static final Duration SERVER_START = Duration.ofMillis(400);
  private static final int ATTEMPTS = 5;

  /** It tells how far it is each second: iterations, p50, average and overall latency in µs. */
  private static final Pattern FIGURES =
      Pattern.compile("\\[thread 0\\]\\s*\\d+,(\\d+\\.\\d+),\\d+\\.\\d+,(\\d+\\.\\d+),.*");

  /** What it tells of a ping-pong is half a round trip. */
  private static final double WAYS = 2;

  private final Path program;
  private final String transports;
  private final String host;

  UcxPerftest(Path program, EngineSetup target) {
    this.program = program;
    this.transports = target.protocol().equals(EngineSetup.LOCAL) ? ON_ONE_MACHINE : OVER_TCP;
    this.host = target.host();
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean tellsLatency() {
    return true;
  }

  @Override
  public String explanation() {
    return "ucx_perftest: UCX_TLS="
        + transports
        + ", polling, always one and the same block, before each row. One block: ucp_get -O 1 for"
        + " reads, ucp_put_lat for writes, twice the half round trip that it prints. N blocks:"
        + " ucp_get or ucp_put_bw, -O N; a --memory of one block has ours move the same, too";
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    BenchRow row = measured.row();
    if (!row.isOfGrid()) {
      return Optional.empty();
    }
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      Optional<Figure> figure = run(row, SERVER_START.multipliedBy(attempt));
      if (figure.isPresent()) {
        return figure;
      }
    }
    throw CommandException.failed(
        "--against ucx_perftest: %d runs gave no figure for a %s".formatted(ATTEMPTS, row.label()));
  }

  /** {@return the figure in a line of its output; empty if it is another line} */
  static Optional<Figure> figure(String line, BenchRow row) {
    Matcher matcher = FIGURES.matcher(line);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    double ways = row.isSingleBlock() && row.operation() == Operation.WRITE ? WAYS : 1;
    double overallMicros = Double.parseDouble(matcher.group(2)) * ways;
    if (!(overallMicros > 0)) {
      return Optional.empty();
    }
    return Optional.of(
        new Figure(
            Units.gb(row.blockBytes()) / (overallMicros / TimeUnit.SECONDS.toMicros(1)),
            OptionalDouble.empty(),
            row.isSingleBlock()
                ? OptionalDouble.of(Double.parseDouble(matcher.group(1)) * ways)
                : OptionalDouble.empty()));
  }

  private Optional<Figure> run(BenchRow row, Duration serverStart) {
    Process server = null;
    Process client = null;
    try {
      String port = Integer.toString(FreePorts.next());
      server = process(List.of("-p", port)).redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
      Thread.sleep(serverStart);
      List<String> arguments = new ArrayList<>(List.of(host, "-p", port, "-v"));
      arguments.addAll(test(row));
      arguments.addAll(
          List.of("-s", Long.toString(row.blockBytes()), "-n", ITERATIONS, "-w", WARM_UP));
      client = process(arguments).start();
      Reference.endAfter(MEASURED, client);
      return last(client, row);
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw CommandException.failed("Interrupted while ucx_perftest ran");
    } finally {
      Reference.end(client);
      Reference.end(server);
    }
  }

  /** {@return the arguments that name the test like a row, and how many are under way at once} */
  static List<String> test(BenchRow row) {
    if (row.isSingleBlock() && row.operation() == Operation.WRITE) {
      return List.of("-t", "ucp_put_lat");
    }
    String test = row.operation() == Operation.WRITE ? "ucp_put_bw" : "ucp_get";
    return List.of("-t", test, "-O", Integer.toString(row.batch()));
  }

  /** {@return the last figure that it tells: of its whole run} */
  private static Optional<Figure> last(Process client, BenchRow row) throws IOException {
    Optional<Figure> last = Optional.empty();
    try (BufferedReader said = client.inputReader()) {
      for (String line = said.readLine(); line != null; line = said.readLine()) {
        Optional<Figure> figure = figure(line, row);
        last = figure.isPresent() ? figure : last;
      }
    }
    return last;
  }

  private ProcessBuilder process(List<String> arguments) {
    List<String> command = new ArrayList<>(List.of(program.toString()));
    command.addAll(arguments);
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("UCX_TLS", transports);
    return builder;
  }
}
