// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Progress;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Medians, ratios, rounds, and what perftest prints. */
@Timeout(60)
class BenchFiguresTest {
  private static final BenchRow ROW = new BenchRow(BenchRow.GRID, Operation.WRITE, 4096, 8);

  /** Of a second. */
  private static BenchResult result(long bytes, Optional<String> problem) {
    return new BenchResult(
        bytes,
        bytes / 4096,
        new BenchResult.Cost(1_000_000_000, 300_000_000, 200_000_000, 4096),
        new Histogram(3),
        problem);
  }

  /** Gives the same result each time and notes that it was asked. */
  private record Noting(String name, List<String> notes, BenchRow row, BenchResult result)
      implements BenchCase, Reference {
    @Override
    public BenchResult measure() {
      notes.add(name);
      return result;
    }

    @Override
    public void beginRound() {
      notes.add("round");
    }

    @Override
    public Optional<Reference.Figure> measure(BenchCase measured) {
      notes.add(name);
      return measured.row().equals(row)
          ? Optional.of(new Reference.Figure(2, OptionalDouble.empty(), OptionalDouble.empty()))
          : Optional.empty();
    }

    @Override
    public String explanation() {
      return name;
    }
  }

  @Test
  void theSpreadHasTheMedianInTheMiddle() {
    assertThat(Spread.of(List.of(5.0, 1.0, 3.0))).isEqualTo(new Spread(3, 1, 5));
    assertThat(Spread.of(List.of(4.0, 1.0, 2.0, 9.0))).isEqualTo(new Spread(3, 1, 9));
    assertThatThrownBy(() -> Spread.of(List.of())).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void aFigureIsTheMedianOverTheRounds() {
    BenchSummary summary =
        new BenchSummary(
            ROW,
            List.of(
                result(1_000_000_000, Optional.empty()),
                result(4_000_000_000L, Optional.empty()),
                result(2_000_000_000, Optional.empty())),
            List.of(
                new BenchSummary.Turns(
                    "other",
                    List.of(
                        new Reference.Figure(5, OptionalDouble.of(7), OptionalDouble.empty()),
                        new Reference.Figure(3, OptionalDouble.empty(), OptionalDouble.of(4))))));

    assertThat(summary.gbPerSecond()).isEqualTo(new Spread(2, 1, 4));
    BenchSummary.Turns other = summary.reference().orElseThrow();
    assertThat(summary.ratio(other)).isEqualTo(0.5);
    assertThat(summary.median(BenchResult::cpuSecondsPerGb)).isEqualTo(0.25);
    assertThat(other.cpuSecondsPerGb()).hasValue(7);
    assertThat(other.p50Micros()).hasValue(4);
    assertThat(summary.latencyRatio(other)).hasValue(summary.percentileMicros(50) / 4);
  }

  @Test
  void rowsTakeTurnsWithTheReferenceThatKnowsThem() {
    List<String> notes = new ArrayList<>();
    BenchRow other = new BenchRow(BenchRow.GRID, Operation.READ, 4096, 8);
    BenchResult good = result(4096, Optional.empty());
    BenchCase write = new Noting("write", notes, ROW, good);
    BenchCase read = new Noting("read", notes, other, good);
    Reference reference = new Noting("reference", notes, ROW, good);

    List<BenchSummary> rows =
        new BenchRounds(List.of(reference), 2, List.of(write, read)).run(Progress.none(), _ -> {});

    assertThat(notes.subList(0, 5))
        .containsExactly("round", "reference", "write", "reference", "read");
    assertThat(notes).hasSize(10);
    assertThat(rows.getFirst().results()).hasSize(2);
    assertThat(rows.getFirst().reference().orElseThrow().figures()).hasSize(2);
    assertThat(rows.getLast().reference()).isEmpty();
  }

  @Test
  void aRowTakesTurnsWithSeveralReferences() {
    List<String> notes = new ArrayList<>();
    BenchResult good = result(4096, Optional.empty());
    BenchCase write = new Noting("write", notes, ROW, good);
    Reference one = new Noting("one", notes, ROW, good);
    Reference two = new Noting("two", notes, ROW, good);

    List<BenchSummary> rows =
        new BenchRounds(List.of(one, two), 2, List.of(write)).run(Progress.none(), _ -> {});

    assertThat(notes.subList(2, 5)).containsExactly("one", "two", "write");
    assertThat(rows.getFirst().references())
        .extracting(BenchSummary.Turns::name)
        .containsExactly("one", "two");
    assertThat(rows.getFirst().references()).allMatch(turns -> turns.figures().size() == 2);
  }

  /** One that is slow, and those that were due meanwhile. */
  @Test
  void aStallCountsForThoseThatWereDueMeanwhile() {
    AtomicInteger done = new AtomicInteger();
    Supplier<Optional<String>> slowOnce =
        () -> {
          if (done.incrementAndGet() == 1) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
          }
          return Optional.empty();
        };
    try (BenchLoop closed = loop(0);
        BenchLoop timed = loop(1000)) {
      long slow = TimeUnit.MILLISECONDS.toNanos(5);
      Histogram hidden = closed.repeat(slowOnce, 0, 20, false).latencies();
      done.set(0);
      Histogram told = timed.repeat(slowOnce, 0, 20, true).latencies();
      // The 20 ms may be more, and then all of them are late.
      assertThat(told.getCountBetweenValues(slow, Long.MAX_VALUE)).isGreaterThanOrEqualTo(10);
      assertThat(hidden.getMaxValue()).isGreaterThan(slow);
      assertThat(hidden.getTotalCount()).isEqualTo(20);
    }
  }

  @SuppressWarnings("NullAway") // no engine, since nothing is moved
  private static BenchLoop loop(double rate) {
    return new BenchLoop(null, null, new BenchPace(1, 20, 1, rate, true));
  }

  @Test
  void aCopyHasItsBlocksInTheOrderOfTheTarget() {
    long[] remote = {9 << 20, 1 << 20, 9 << 20, 5 << 20};
    BlockColumns blocks = BlockColumns.of(remote, remote, new long[] {8, 8, 8, 8});

    long stride = 8 + GridPlan.GAP_BYTES;
    assertThat(MemoryCopy.places(blocks)).containsExactly(2 * stride, 0, 2 * stride, stride);
  }

  @Test
  void readsWhatUcxPerftestPrints() {
    String line = "[thread 0]2119,14.500,3126.512,16.000,1.25,1.17,320,300";
    BenchRow read = new BenchRow(BenchRow.GRID, Operation.READ, 4096, 1);

    assertThat(UcxPerftest.figure(line, read))
        .hasValueSatisfying(
            figure -> {
              assertThat(figure.p50Micros()).hasValue(14.5);
              assertThat(figure.gbPerSecond()).isCloseTo(0.256, within(0.0001));
            });
    String names = "iterations,50.0_percentile_lat,avg_lat,overall_lat,avg_bw,overall_bw";
    assertThat(UcxPerftest.figure(names, read)).isEmpty();
    assertThat(UcxPerftest.figure(line.replace("16.000", "0.000"), read)).isEmpty();
    assertThat(UcxPerftest.figure(line.replace("14.5", "."), read)).isEmpty();
  }

  @Test
  void ucxPerftestWritesOneBlockInTwoWaysAndABatchInOne() {
    String line = "[thread 0]2119,14.500,3126.512,16.000,1.25,1.17,320,300";
    BenchRow one = new BenchRow(BenchRow.GRID, Operation.WRITE, 4096, 1);
    BenchRow batch = new BenchRow(BenchRow.GRID, Operation.WRITE, 4096, 16);

    assertThat(UcxPerftest.test(one)).containsExactly("-t", "ucp_put_lat");
    assertThat(UcxPerftest.figure(line, one).orElseThrow().p50Micros()).hasValue(29);
    assertThat(UcxPerftest.test(batch)).containsExactly("-t", "ucp_put_bw", "-O", "16");
    Reference.Figure figure = UcxPerftest.figure(line, batch).orElseThrow();
    assertThat(figure.gbPerSecond()).isCloseTo(0.256, within(0.0001));
    assertThat(figure.p50Micros()).as("the time of a batch is not told").isEmpty();
  }

  @Test
  void aRowThatFailedIsNotMeasuredAgain() {
    List<String> notes = new ArrayList<>();
    BenchCase failing = new Noting("write", notes, ROW, result(4096, Optional.of("differs")));

    List<BenchSummary> rows =
        new BenchRounds(List.of(), 3, List.of(failing)).run(Progress.none(), _ -> {});

    assertThat(notes).containsExactly("write");
    assertThat(rows.getFirst().problem()).hasValue("differs");
  }

  @Test
  void readsTheLatencyThatPerftestPrints() {
    String form =
        " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]"
            + "    t_stdev[usec]   99%% percentile[usec]   99.9%% percentile[usec]\n"
            + " 8       2000          16.72          218.31       %s        \t       %s"
            + "        \t8.36      \t\t52.98      \t\t205.97 \n";
    assertThat(PerftestLatency.figure(form.formatted("18.22", "20.00"), 8))
        .hasValue(new Reference.Figure(0.0004, OptionalDouble.empty(), OptionalDouble.of(18.22)));
    for (String none : List.of("0.00", "inf", "-nan", "Infinity")) {
      assertThat(PerftestLatency.figure(form.formatted(none, "20.00"), 8)).isEmpty();
      assertThat(PerftestLatency.figure(form.formatted("18.22", none), 8)).isEmpty();
    }
    assertThat(PerftestLatency.figure(" Parser function exited with Error", 8)).isEmpty();
  }

  /** Runs of perftest that say always the same. */
  private record Saying(String said) implements PerftestProgram {
    @Override
    public String name() {
      return PerftestLatency.READ;
    }

    @Override
    public String run(long sizeBytes, List<String> options, Duration limit, int attempt) {
      return said;
    }

    Optional<Reference.Figure> latency() {
      BenchRow single = new BenchRow(BenchRow.GRID, Operation.READ, 8, 1);
      return new PerftestLatency(this, true)
          .measure(new Noting("", new ArrayList<>(), single, result(8, Optional.empty())));
    }
  }

  @Test
  void aLatencyThatCannotBeMeasuredIsNoDash() {
    Saying broken = new Saying("----\n Port number 1\n IB device mlx5_9 not found\n----\n");
    assertThatThrownBy(broken::latency)
        .isInstanceOf(CommandException.class)
        .hasMessage(
            "--against ib_read_lat -e: 5 runs gave no figure; the last said:"
                + "  Port number 1;  IB device mlx5_9 not found");
    assertThatThrownBy(new Saying("")::latency).hasMessageEndingWith("the last said: nothing");
    String form = " 8       2000          %s          %s       %s     %s   8.36   52.98   205.97\n";
    for (String none : List.of("0.00", "inf", "-nan")) {
      assertThat(new Saying(form.formatted(none, none, none, none)).latency()).isEmpty();
    }
    assertThat(new Saying(PerftestProgram.NO_END + "15 s").latency()).isEmpty();
    assertThat(new Saying(form.formatted("16", "20", "18", "19")).latency()).isPresent();
  }

  @Test
  void readsWhatPerftestPrints() {
    String form =
        """
        ---------------------------------------------------------------------------------------
         GID: 00:00:00:00:00:00:00:00:00:00:255:255:10:99:00:02
        ---------------------------------------------------------------------------------------
         #bytes     #iterations    BW peak[MB/sec]    BW average[MB/sec]   MsgRate[Mpps]
         65536      3330             %s               %s \t\t   0.001642
        ---------------------------------------------------------------------------------------
        """;

    assertThat(Perftest.bytesPerSecond(form.formatted("0.00", "102.63")))
        .hasValue(102.63 * 1024 * 1024);
    assertThat(Perftest.bytesPerSecond(form.formatted("204.48", "0.00"))).isEmpty();
    assertThat(Perftest.bytesPerSecond(form.formatted("inf", "inf"))).isEmpty();
    assertThat(Perftest.bytesPerSecond(form.formatted("inf", "Infinity"))).isEmpty();
    assertThat(Perftest.bytesPerSecond(" Unable to init the socket connection")).isEmpty();
  }
}
