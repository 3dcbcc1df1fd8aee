// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The figures as a table and as JSON.
 *
 * @param protocol what carried the bytes
 * @param reference iperf3 on the same machine, where it was run
 */
record BenchReport(
    BenchPlan plan, String protocol, List<BenchResult> results, Optional<Iperf.Result> reference) {
  private static final double MEDIAN = 50;
  private static final double HIGH = 99;

  void print(Screen screen) {
    Table table =
        new Table()
            .left("operation")
            .right("block")
            .right("batch")
            .right("bytes")
            .right("seconds")
            .right("GB/s");
    reference.ifPresent(iperf -> table.right("/ iperf3"));
    table.right("p50 us").right("p99 us").right("CPU s/GB").left("sample");
    for (BenchResult result : results) {
      table.row(cells(result));
    }
    table.print(screen);
    for (BenchResult result : results) {
      result
          .problem()
          .ifPresent(
              problem ->
                  screen.line(
                      "FAILED: %s of %d x %d bytes: %s"
                          .formatted(
                              result.operation(),
                              result.row().batch(),
                              result.row().blockBytes(),
                              problem)));
    }
    screen.line("");
    screen.line(
        "GB = 10^9 bytes; times are of one batch; CPU is that of both processes; "
            + (plan.adjacent() ? "adjacent blocks are coalesced." : "no two blocks are adjacent."));
  }

  private List<String> cells(BenchResult result) {
    List<String> cells =
        new ArrayList<>(
            List.of(
                result.operation(),
                Units.size(result.row().blockBytes()),
                Units.count(result.row().batch()),
                Units.count(result.bytes()),
                Units.fixed(result.seconds(), 2),
                Units.fixed(result.gbPerSecond(), 3)));
    reference.ifPresent(
        iperf -> cells.add(Units.fixed(result.gbPerSecond() / iperf.gbPerSecond(), 2)));
    cells.add(Units.fixed(result.percentileMicros(MEDIAN), 1));
    cells.add(Units.fixed(result.percentileMicros(HIGH), 1));
    cells.add(Units.fixed(result.cpuSecondsPerGb(), 3));
    cells.add(result.problem().isEmpty() ? "verified" : "FAILED");
    return cells;
  }

  /** Writes the form that design 2.3 of the project fixes; further members may be added. */
  void write(Path file) {
    try (JsonGenerator json = new JsonFactory().createGenerator(file.toFile(), JsonEncoding.UTF8)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeArrayFieldStart("runs");
      for (BenchResult result : results) {
        write(json, result);
      }
      json.writeEndArray();
      if (reference.isPresent()) {
        write(json, reference.get());
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw CommandException.failed("--json " + file + " cannot be written: " + e);
    }
  }

  private void write(JsonGenerator json, BenchResult result) throws IOException {
    json.writeStartObject();
    json.writeStringField("operation", result.operation());
    json.writeStringField("protocol", protocol);
    json.writeNumberField("block_bytes", result.row().blockBytes());
    json.writeNumberField("batch", result.row().batch());
    json.writeNumberField("bytes", result.bytes());
    json.writeNumberField("seconds", result.seconds());
    json.writeNumberField("gb_per_s", result.gbPerSecond());
    json.writeNumberField("p50_us", result.percentileMicros(MEDIAN));
    json.writeNumberField("p99_us", result.percentileMicros(HIGH));
    json.writeNumberField("cpu_s_per_gb", result.cpuSecondsPerGb());
    json.writeNumberField("cpu_s_initiator", Units.seconds(result.initiatorCpuNanos()));
    json.writeNumberField("cpu_s_target", Units.seconds(result.targetCpuNanos()));
    json.writeNumberField("threads", plan.threads());
    json.writeBooleanField("adjacent", plan.adjacent());
    json.writeBooleanField("verified", result.problem().isEmpty());
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, Iperf.Result reference) throws IOException {
    json.writeObjectFieldStart("iperf3");
    json.writeStringField("length", reference.length());
    json.writeNumberField("gb_per_s", reference.gbPerSecond());
    json.writeNumberField("cpu_s_per_gb", reference.cpuSecondsPerGb());
    json.writeEndObject();
  }
}
