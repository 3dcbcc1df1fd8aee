// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.Units;
import io.transferengine.transfer.Operation;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * ib_write_bw and ib_read_bw between the devices of both sides, with messages of the row's size:
 * MTU 4096, 128 requests in flight, 2 queue pairs.
 */
final class Perftest implements Reference {
  static final String WRITE = "ib_write_bw";
  static final String READ = "ib_read_bw";

  /** They take whole seconds. */
  private static final int SECONDS = 3;

  /** In User Mode Linux, which guesses the processor's frequency, many runs print 0 or inf. */
  private static final int ATTEMPTS = 20;

  private static final List<String> OPTIONS =
      List.of("-t", "128", "-q", "2", "-D", Integer.toString(SECONDS));

  private static final Duration RUN_LIMIT = Duration.ofSeconds(SECONDS + 30);

  /** Its MB has 2^20 bytes. */
  private static final double BYTES_PER_MB = 1 << 20;

  /** Bytes, iterations, peak and average bandwidth, message rate. */
  private static final Pattern FIGURES =
      Pattern.compile("(?m)^\\s*[0-9]+\\s+[0-9]+\\s+\\S+\\s+(\\S+)\\s+\\S+\\s*$");

  private final PerftestRun program;
  private final Operation operation;

  Perftest(PerftestRun program) {
    this.program = program;
    this.operation = program.name().equals(READ) ? Operation.READ : Operation.WRITE;
  }

  @Override
  public String name() {
    return program.name();
  }

  @Override
  public String explanation() {
    return name() + " -m 4096 -t 128 -q 2 -D " + SECONDS + ", before each row";
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    BenchRow row = measured.row();
    if (row.operation() != operation) {
      return Optional.empty();
    }
    String said = "";
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
      said = program.run(row.blockBytes(), OPTIONS, RUN_LIMIT, attempt);
      OptionalDouble rate = bytesPerSecond(said);
      if (rate.isPresent()) {
        return Optional.of(
            new Figure(
                Units.gb((long) rate.getAsDouble()),
                OptionalDouble.empty(),
                OptionalDouble.empty()));
      }
    }
    throw PerftestProgram.noFigure(name(), ATTEMPTS, said);
  }

  /** {@return the average in its output; empty if it is not a number above zero} */
  static OptionalDouble bytesPerSecond(String output) {
    Matcher matcher = FIGURES.matcher(output);
    if (!matcher.find()) {
      return OptionalDouble.empty();
    }
    try {
      double rate = Double.parseDouble(matcher.group(1)) * BYTES_PER_MB;
      return rate > 0 && Double.isFinite(rate) ? OptionalDouble.of(rate) : OptionalDouble.empty();
    } catch (NumberFormatException e) {
      // "inf", as C prints it.
      return OptionalDouble.empty();
    }
  }
}
