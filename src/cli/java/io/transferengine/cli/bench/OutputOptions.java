// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Terminal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The outputs besides the table. */
final class OutputOptions {
  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Writes the figures to a file as well, as {\"runs\": [...]}.")
  private @Nullable Path json;

  @Option(
      names = "--plot",
      paramLabel = "FILE.svg",
      description = "Draws throughput and latency percentiles over the block size, as SVG.")
  private @Nullable Path plot;

  @Option(
      names = "--compare",
      paramLabel = "FILE",
      description = "Prints the ratios to the figures of an earlier --json.")
  private @Nullable Path compare;

  private Optional<BenchComparison> comparison = Optional.empty();

  /** Checks before the measurement what would fail afterwards. */
  void prepare() {
    comparison = Optional.ofNullable(compare).map(BenchComparison::with);
    requireFolder("--json", json);
    requireFolder("--plot", plot);
    if (plot != null) {
      if (!plot.toString().endsWith(".svg")) {
        throw CommandException.usage(
            "--plot %s: the picture is SVG; end the name with .svg".formatted(plot));
      }
      BenchPlot.requireFonts();
    }
  }

  private static void requireFolder(String option, @Nullable Path file) {
    if (file != null) {
      Path folder = file.toAbsolutePath().getParent();
      if (folder == null || Files.isDirectory(file)) {
        throw CommandException.usage("%s %s: it is a folder".formatted(option, file));
      }
      if (!Files.isDirectory(folder)) {
        throw CommandException.usage(
            "%s %s: there is no folder %s".formatted(option, file, folder));
      }
    }
  }

  void write(
      Terminal terminal,
      List<BenchSummary> rows,
      String protocol,
      int threads,
      Circumstances circumstances) {
    comparison.ifPresent(earlier -> earlier.print(terminal, rows, protocol, threads));
    if (json != null) {
      BenchJson.write(json, rows, protocol, threads, circumstances);
    }
    if (plot != null && !rows.isEmpty()) {
      new BenchPlot(rows, circumstances.line(protocol)).write(plot);
    }
  }
}
