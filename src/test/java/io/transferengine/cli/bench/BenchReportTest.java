// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.console.Terminals;
import io.transferengine.transfer.Operation;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What of a table is left on a narrow terminal. */
@Timeout(60)
class BenchReportTest {
  private static final int NARROW = 80;

  @ParameterizedTest
  @CsvSource({
    "1, false, false",
    "5, false, false",
    "5, true, false",
    "5, true, true",
    "1, false, true"
  })
  void itFits80Columns(int rounds, boolean references, boolean latency) {
    String table = table(NARROW, rounds, references, latency);

    assertThat(table.lines())
        .hasSize(2)
        .allSatisfy(line -> assertThat(line.length()).as(line).isLessThanOrEqualTo(NARROW))
        .anySatisfy(line -> assertThat(line).startsWith("write").endsWith("verified"));
    assertThat(table).contains(latency ? "max us" : "GB/s");
    if (!latency) {
      assertThat(table.contains("8.123-9.123")).isEqualTo(rounds > 1);
    }
    assertThat(table.contains("ratio")).isEqualTo(references);
  }

  @Test
  void whatIsNarrowLosesTheLeastImportant() {
    assertThat(headings(Integer.MAX_VALUE, 5, true))
        .isEqualTo(
            "op block batch GB/s from-to reference ratio blocks/s p50 us reference us ratio p99 us"
                + " p99.9 us CPU s/GB heap B/block content");
    assertThat(headings(115, 5, false))
        .isEqualTo("op block batch GB/s from-to blocks/s p50 us p99 us p99.9 us CPU s/GB content");
    assertThat(headings(NARROW, 5, true))
        .isEqualTo("op block batch GB/s from-to ratio p50 us ratio content");
    assertThat(headings(NARROW, 5, false))
        .isEqualTo("op block batch GB/s from-to p50 us p99 us content");
    assertThat(headings(1, 5, false)).isEqualTo("op block batch GB/s from-to p50 us content");
  }

  private static String headings(int width, int rounds, boolean references) {
    return table(width, rounds, references, false)
        .lines()
        .findFirst()
        .orElseThrow()
        .replaceAll(" +", " ");
  }

  private static String table(int width, int rounds, boolean references, boolean latency) {
    ByteArrayOutputStream output = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(output, true, StandardCharsets.UTF_8));
    try {
      new BenchReport(
              Terminals.of(width),
              rounds,
              references ? List.of(new OneGigabyteASecond()) : List.of(),
              latency)
          .row(row(references));
    } finally {
      System.setOut(before);
    }
    return output.toString(StandardCharsets.UTF_8);
  }

  /** From 8.123 to 9.123 GB/s. */
  private static BenchSummary row(boolean references) {
    Histogram latencies = new Histogram(3);
    latencies.recordValue(12_345_600);
    List<BenchResult> results =
        List.of(result(8_123_000_000L, latencies), result(9_123_000_000L, latencies));
    return new BenchSummary(
        new BenchRow(BenchRow.GRID, Operation.WRITE, 128 << 20, 100_000),
        results,
        references
            ? List.of(new BenchSummary.Turns("slow", List.of(OneGigabyteASecond.FIGURE)))
            : List.of());
  }

  private static BenchResult result(long bytes, Histogram latencies) {
    return new BenchResult(
        bytes,
        1_000_000,
        new BenchResult.Cost(1_000_000_000, 1, 1, 1),
        latencies,
        Optional.empty());
  }

  private static final class OneGigabyteASecond implements Reference {
    static final Figure FIGURE = new Figure(1, OptionalDouble.empty(), OptionalDouble.of(1e6));

    @Override
    public String name() {
      return "slow";
    }

    @Override
    public Optional<Figure> measure(BenchCase measured) {
      return Optional.of(FIGURE);
    }

    @Override
    public boolean tellsLatency() {
      return true;
    }

    @Override
    public String explanation() {
      return "none";
    }
  }
}
