// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Table;
import io.transferengine.cli.console.Terminal;
import io.transferengine.cli.console.Units;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The ratios of the figures to those of an earlier {@code --json}. */
final class BenchComparison {
  /** The properties by which a row is found in the earlier file. */
  private record Key(
      String workload,
      String operation,
      String protocol,
      String block,
      String batch,
      String threads) {}

  private final Path file;
  private final Map<Key, Map<String, String>> earlier = new HashMap<>();

  private BenchComparison(Path file) {
    this.file = file;
  }

  /**
   * {@return a comparison with the runs of a file}
   *
   * @throws CommandException if it is not one of ours
   */
  static BenchComparison with(Path file) {
    BenchComparison comparison = new BenchComparison(file);
    try (JsonParser json = new JsonFactory().createParser(file.toFile())) {
      json.nextToken();
      if (!"runs".equals(json.nextFieldName()) || json.nextToken() != JsonToken.START_ARRAY) {
        throw CommandException.usage(
            "--compare " + file + ": it does not begin with \"runs\", as a --json file does");
      }
      while (json.nextToken() == JsonToken.START_OBJECT) {
        comparison.add(members(json));
      }
    } catch (JsonProcessingException e) {
      throw CommandException.usage("--compare " + file + " is not JSON: " + e.getOriginalMessage());
    } catch (IOException e) {
      throw CommandException.usage("--compare " + file + " cannot be read: " + e.getMessage());
    }
    return comparison;
  }

  private static Map<String, String> members(JsonParser json) throws IOException {
    Map<String, String> members = new HashMap<>();
    for (String name = json.nextFieldName(); name != null; name = json.nextFieldName()) {
      json.nextToken();
      if (json.currentToken().isScalarValue()) {
        members.put(name, json.getText());
      } else {
        json.skipChildren();
      }
    }
    return members;
  }

  private void add(Map<String, String> run) {
    earlier.put(
        new Key(
            run.getOrDefault("workload", BenchRow.GRID),
            run.getOrDefault("operation", ""),
            run.getOrDefault("protocol", ""),
            run.getOrDefault("block_bytes", ""),
            run.getOrDefault("batch", ""),
            run.getOrDefault("threads", "1")),
        run);
  }

  /** Prints each row that is in both. */
  void print(Terminal terminal, List<BenchSummary> rows, String protocol, int threads) {
    Table table =
        new Table()
            .left("now / then")
            .right("block")
            .right("batch")
            .right("GB/s")
            .right("p50")
            .right("p99")
            .right("CPU s/GB")
            .left("workload");
    int found = 0;
    for (BenchSummary row : rows) {
      BenchRow what = row.row();
      Key key =
          new Key(
              what.workload(),
              what.operationName(),
              protocol,
              Long.toString(what.blockBytes()),
              Integer.toString(what.batch()),
              Integer.toString(threads));
      Map<String, String> then = earlier.get(key);
      if (then != null) {
        found++;
        List<String> cells = new ArrayList<>();
        cells.add(what.operationName());
        cells.add(Units.size(what.blockBytes()));
        cells.add(Units.count(what.batch()));
        cells.add(ratio(row.gbPerSecond().median(), then.get("gb_per_s")));
        cells.add(ratio(row.percentileMicros(BenchSummary.MEDIAN), then.get("p50_us")));
        cells.add(ratio(row.percentileMicros(BenchSummary.HIGH), then.get("p99_us")));
        cells.add(ratio(row.median(BenchResult::cpuSecondsPerGb), then.get("cpu_s_per_gb")));
        cells.add(what.workload());
        table.row(cells);
      }
    }
    terminal.line("");
    if (found > 0) {
      table.print(terminal);
    }
    terminal.line("%d of %d rows are in %s.".formatted(found, rows.size(), file));
  }

  /** "-" if there is nothing to divide by. */
  private static String ratio(double now, @Nullable String then) {
    try {
      double divisor = then == null ? 0 : Double.parseDouble(then);
      return divisor > 0 ? Units.fixed(now / divisor, 2) : "-";
    } catch (NumberFormatException e) {
      return "-";
    }
  }
}
