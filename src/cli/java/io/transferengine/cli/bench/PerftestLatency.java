// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Units;
import io.transferengine.transfer.Operation;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * ib_write_lat and ib_read_lat between the devices of both sides, for rows of one block: one
 * message at a time. Both poll without a pause; ib_read_lat can sleep until an event instead. What
 * ib_write_lat prints is half a round trip, for which both of its processes need a processor each.
 */
final class PerftestLatency implements Reference {
  static final String WRITE = "ib_write_lat";
  static final String READ = "ib_read_lat";
  private static final String ITERATIONS = "5000";
  private static final String EVENTS = "-e";

  /** In User Mode Linux, which guesses the processor's frequency, many runs print 0 or inf. */
  private static final int ATTEMPTS = 5;

  private static final Duration RUN_LIMIT = Duration.ofSeconds(15);

  /** Bytes, iterations, the least, the most, the median and the average in microseconds. */
  private static final Pattern FIGURES =
      Pattern.compile("(?m)^\\s*[0-9]+\\s+[0-9]+\\s+\\S+\\s+\\S+\\s+(\\S+)\\s+(\\S+)\\s+\\S+\\s");

  private final PerftestProgram program;
  private final boolean events;

  PerftestLatency(PerftestProgram program, boolean events) {
    this.program = program;
    this.events = events;
  }

  @Override
  public String name() {
    return events ? program.name() + " " + EVENTS : program.name();
  }

  @Override
  public boolean tellsLatency() {
    return true;
  }

  @Override
  public String explanation() {
    return name()
        + " -m 4096 -n "
        + ITERATIONS
        + ", before each row of one block; its typical time"
        + (program.name().equals(WRITE) ? ", which is half a round trip" : "");
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    BenchRow row = measured.row();
    Operation operation = program.name().equals(READ) ? Operation.READ : Operation.WRITE;
    if (!row.isSingleBlock() || row.operation() != operation) {
      return Optional.empty();
    }
    List<String> options = events ? List.of("-n", ITERATIONS, EVENTS) : List.of("-n", ITERATIONS);
    String said = "";
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      said = program.run(row.blockBytes(), options, RUN_LIMIT, attempt);
      Optional<Figure> figure = figure(said, row.blockBytes());
      if (figure.isPresent()) {
        return figure;
      }
    }
    if (!FIGURES.matcher(said).find() && !said.startsWith(PerftestProgram.NO_END)) {
      throw PerftestProgram.noFigure(name(), ATTEMPTS, said); // A wrong device, say.
    }
    // Two that poll on one processor mostly wait for each other.
    return Optional.empty();
  }

  /** {@return the figure in its output; empty if it is not a number above zero} */
  static Optional<Figure> figure(String output, long blockBytes) {
    Matcher matcher = FIGURES.matcher(output);
    if (!matcher.find()) {
      return Optional.empty();
    }
    try {
      double typical = Double.parseDouble(matcher.group(1));
      double average = Double.parseDouble(matcher.group(2));
      if (!(typical > 0 && average > 0) || Double.isInfinite(typical + average)) {
        return Optional.empty();
      }
      return Optional.of(
          new Figure(
              Units.gb(blockBytes) / (average / TimeUnit.SECONDS.toMicros(1)),
              OptionalDouble.empty(),
              OptionalDouble.of(typical)));
    } catch (NumberFormatException e) {
      // "inf", as C prints it.
      return Optional.empty();
    }
  }
}
