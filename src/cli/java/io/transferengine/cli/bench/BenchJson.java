// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import com.fasterxml.jackson.core.JsonEncoding;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import io.transferengine.cli.console.CommandException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The figures as JSON: {@code {"runs": [...]}}, an object for each row, then the circumstances. The
 * first ten members are a contract; others may come and go. With several references, those of the
 * object are the first one's, and {@code references} has an object for each. Over several rounds,
 * bytes and seconds are sums, all other figures medians.
 */
final class BenchJson {
  private BenchJson() {}

  static void write(
      Path file,
      List<BenchSummary> rows,
      String protocol,
      int threads,
      Circumstances circumstances) {
    try (JsonGenerator json = new JsonFactory().createGenerator(file.toFile(), JsonEncoding.UTF8)) {
      json.useDefaultPrettyPrinter();
      json.writeStartObject();
      json.writeArrayFieldStart("runs");
      for (BenchSummary row : rows) {
        write(json, row, protocol, threads);
      }
      json.writeEndArray();
      for (Map.Entry<String, String> member : circumstances.members().entrySet()) {
        json.writeStringField(member.getKey(), member.getValue());
      }
      json.writeNumberField("processors", Circumstances.processors());
      json.writeNumberField("load_before", circumstances.load());
      json.writeEndObject();
    } catch (IOException e) {
      throw CommandException.failed("--json " + file + " cannot be written: " + e);
    }
  }

  private static void write(JsonGenerator json, BenchSummary row, String protocol, int threads)
      throws IOException {
    Spread speed = row.gbPerSecond();
    json.writeStartObject();
    json.writeStringField("operation", row.row().operationName());
    json.writeStringField("protocol", protocol);
    json.writeNumberField("block_bytes", row.row().blockBytes());
    json.writeNumberField("batch", row.row().batch());
    json.writeNumberField("bytes", row.results().stream().mapToLong(BenchResult::bytes).sum());
    json.writeNumberField(
        "seconds", row.results().stream().mapToDouble(BenchResult::seconds).sum());
    json.writeNumberField("gb_per_s", speed.median());
    json.writeNumberField("p50_us", row.percentileMicros(BenchSummary.MEDIAN));
    json.writeNumberField("p99_us", row.percentileMicros(BenchSummary.HIGH));
    json.writeNumberField("cpu_s_per_gb", row.median(BenchResult::cpuSecondsPerGb));
    json.writeStringField("workload", row.row().workload());
    json.writeNumberField("threads", threads);
    json.writeNumberField("rounds", row.results().size());
    json.writeNumberField("gb_per_s_min", speed.min());
    json.writeNumberField("gb_per_s_max", speed.max());
    json.writeNumberField("p90_us", row.percentileMicros(BenchSummary.MOST));
    json.writeNumberField("p999_us", row.percentileMicros(BenchSummary.HIGHEST));
    json.writeNumberField("p9999_us", row.percentileMicros(BenchSummary.RARE));
    json.writeNumberField("max_us", row.percentileMicros(BenchSummary.WORST));
    json.writeNumberField("blocks_per_s", row.median(BenchResult::blocksPerSecond));
    json.writeNumberField(
        "allocated_bytes_per_block", row.median(BenchResult::allocatedBytesPerBlock));
    json.writeBooleanField("verified", row.problem().isEmpty());
    if (row.reference().isPresent()) {
      write(json, row, row.reference().get());
    }
    if (row.references().size() > 1) {
      json.writeArrayFieldStart("references");
      for (BenchSummary.Turns reference : row.references()) {
        json.writeStartObject();
        write(json, row, reference);
        json.writeEndObject();
      }
      json.writeEndArray();
    }
    json.writeEndObject();
  }

  private static void write(JsonGenerator json, BenchSummary row, BenchSummary.Turns reference)
      throws IOException {
    Spread speed = reference.gbPerSecond();
    json.writeStringField("reference", reference.name());
    json.writeNumberField("reference_gb_per_s", speed.median());
    json.writeNumberField("reference_gb_per_s_min", speed.min());
    json.writeNumberField("reference_gb_per_s_max", speed.max());
    OptionalDouble cpu = reference.cpuSecondsPerGb();
    if (cpu.isPresent()) {
      json.writeNumberField("reference_cpu_s_per_gb", cpu.getAsDouble());
    }
    json.writeNumberField("ratio", row.ratio(reference));
    OptionalDouble latency = row.latencyRatio(reference);
    if (latency.isPresent()) {
      json.writeNumberField("reference_p50_us", reference.p50Micros().orElse(0));
      json.writeNumberField("p50_ratio", latency.getAsDouble());
    }
  }
}
