// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import de.erichseifert.vectorgraphics2d.VectorGraphics2D;
import de.erichseifert.vectorgraphics2d.svg.SVGProcessor;
import de.erichseifert.vectorgraphics2d.util.PageSize;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.console.Units;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.font.FontRenderContext;
import java.awt.font.TextLayout;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;
import java.util.regex.Pattern;
import org.knowm.xchart.XYChart;
import org.knowm.xchart.XYChartBuilder;
import org.knowm.xchart.XYSeries;
import org.knowm.xchart.style.Styler;
import org.knowm.xchart.style.lines.SeriesLines;

/**
 * The figures as a picture: throughput above, percentiles of the latency below. Both are drawn over
 * the size of a block, or over the bytes of a batch if all blocks have one size.
 */
final class BenchPlot {
  private static final int WIDTH = 900;
  private static final int HEIGHT = 450;

  /** XChart adds up to its ticks, and so misses whole numbers by a little. */
  private static final double TICK = 1e-6;

  private static final Pattern DECIMALS = Pattern.compile("-?[0-9]+\\.[0-9]{3,}");

  private static final double LOG_2 = Math.log(2);

  /** Colours that colour-blind people can tell apart (Okabe and Ito). */
  private static final List<Color> COLORS =
      List.of(
          new Color(0x0072B2),
          new Color(0xD55E00),
          new Color(0x009E73),
          new Color(0xCC79A7),
          new Color(0xE69F00),
          new Color(0x56B4E9));

  private final List<BenchSummary> rows;
  private final boolean overBlocks;
  private final String circumstances;

  /**
   * Takes what is to be drawn.
   *
   * @param circumstances of the measurement, on one line
   */
  BenchPlot(List<BenchSummary> rows, String circumstances) {
    this.rows = List.copyOf(rows);
    this.circumstances = circumstances;
    overBlocks = rows.stream().map(row -> row.row().blockBytes()).distinct().count() > 1;
  }

  /**
   * Checks early whether Java can draw text here.
   *
   * @throws CommandException if it cannot
   */
  static void requireFonts() {
    try {
      FontRenderContext context = new FontRenderContext(null, true, true);
      var _ =
          new TextLayout("GB/s", new Font(Font.SANS_SERIF, Font.PLAIN, 12), context).getBounds();
    } catch (RuntimeException | LinkageError | InternalError e) {
      throw CommandException.lacks(
          "--plot: Java cannot draw text (%s): install the packages fontconfig and fonts-dejavu-core"
              .formatted(e));
    }
  }

  /** Writes the picture as SVG. */
  void write(Path file) {
    VectorGraphics2D graphics = new VectorGraphics2D();
    throughput().paint(graphics, WIDTH, HEIGHT);
    graphics.translate(0, HEIGHT);
    latency().paint(graphics, WIDTH, HEIGHT);
    try {
      ByteArrayOutputStream document = new ByteArrayOutputStream();
      new SVGProcessor()
          .getDocument(graphics.getCommands(), new PageSize(WIDTH, 2.0 * HEIGHT))
          .writeTo(document);
      Files.writeString(file, rounded(document.toString(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      throw CommandException.failed("--plot " + file + " cannot be written: " + e);
    }
  }

  /**
   * {@return the same with numbers of at most two decimals} The texts are outlines, of thousands of
   * coordinates with up to fourteen: that is most of the file, and nobody sees a hundredth of a
   * point.
   */
  private static String rounded(String document) {
    return DECIMALS
        .matcher(document)
        .replaceAll(
            number ->
                new BigDecimal(number.group())
                    .setScale(2, RoundingMode.HALF_EVEN)
                    .stripTrailingZeros()
                    .toPlainString());
  }

  private XYChart throughput() {
    XYChart chart = chart("Throughput, " + circumstances, "GB/s (10^9 bytes)");
    int color = 0;
    for (Map.Entry<String, List<BenchSummary>> line : lines().entrySet()) {
      XYSeries series =
          series(chart, line.getKey(), line.getValue(), row -> row.gbPerSecond().median());
      series.setMarkerColor(color(color));
      series.setLineColor(color(color));
      color++;
      drawPerftest(chart, line.getKey(), line.getValue());
    }
    drawIperf(chart);
    return chart;
  }

  /** Its medians, which differ from row to row. */
  private void drawPerftest(XYChart chart, String line, List<BenchSummary> points) {
    List<BenchSummary> known =
        points.stream()
            .filter(
                row ->
                    row.reference().filter(turns -> !turns.name().equals(Iperf.NAME)).isPresent())
            .toList();
    if (!known.isEmpty()) {
      String name = known.getFirst().reference().orElseThrow().name() + " beside " + line;
      dashed(
          series(chart, name, known, row -> row.reference().orElseThrow().gbPerSecond().median()));
    }
  }

  /** Its median, which is the same for all rows. */
  private void drawIperf(XYChart chart) {
    Optional<Double> speed =
        rows.stream()
            .map(BenchSummary::reference)
            .flatMap(Optional::stream)
            .filter(turns -> turns.name().equals(Iperf.NAME))
            .map(turns -> turns.gbPerSecond().median())
            .findFirst();
    if (speed.isPresent()) {
      double[] x = rows.stream().mapToDouble(this::x).distinct().sorted().toArray();
      double[] y = new double[x.length];
      Arrays.fill(y, speed.get());
      dashed(chart.addSeries(Iperf.NAME, x, y));
    }
  }

  private static void dashed(XYSeries series) {
    series.setMarkerColor(Color.GRAY);
    series.setLineColor(Color.GRAY);
    series.setLineStyle(SeriesLines.DASH_DASH);
  }

  private XYChart latency() {
    XYChart chart = chart("Latency of a batch: percentiles", "microseconds");
    chart.setCustomYAxisTickLabelsFormatter(power -> Units.count(Math.round(Math.pow(2, power))));
    Map<Double, BasicStroke> percentiles = new LinkedHashMap<>();
    percentiles.put(BenchSummary.MEDIAN, SeriesLines.SOLID);
    percentiles.put(BenchSummary.HIGH, SeriesLines.DASH_DASH);
    percentiles.put(BenchSummary.HIGHEST, SeriesLines.DASH_DOT);
    int color = 0;
    for (Map.Entry<String, List<BenchSummary>> line : lines().entrySet()) {
      for (Map.Entry<Double, BasicStroke> percentile : percentiles.entrySet()) {
        String name = line.getKey() + ", p" + Units.shortest(percentile.getKey());
        // A logarithm needs a number above zero, which failed rows do not have.
        XYSeries series =
            series(
                chart,
                name,
                line.getValue(),
                row -> power(Math.max(1, row.percentileMicros(percentile.getKey()))));
        series.setMarkerColor(color(color));
        series.setLineColor(color(color));
        series.setLineStyle(percentile.getValue());
      }
      color++;
    }
    return chart;
  }

  private XYChart chart(String title, String y) {
    XYChart chart =
        new XYChartBuilder()
            .width(WIDTH)
            .height(HEIGHT)
            .title(title)
            .xAxisTitle(overBlocks ? "size of a block" : "bytes of a batch")
            .yAxisTitle(y)
            .build();
    chart.setCustomXAxisTickLabelsFormatter(BenchPlot::size);
    chart.getStyler().setXAxisMaxLabelCount(20);
    chart.getStyler().setLegendPosition(Styler.LegendPosition.OutsideE);
    chart.getStyler().setChartBackgroundColor(Color.WHITE).setMarkerSize(6);
    return chart;
  }

  private XYSeries series(
      XYChart chart, String name, List<BenchSummary> points, ToDoubleFunction<BenchSummary> y) {
    return chart.addSeries(
        name,
        points.stream().mapToDouble(this::x).toArray(),
        points.stream().mapToDouble(y).toArray());
  }

  private double x(BenchSummary row) {
    long bytes = row.row().blockBytes();
    return power((double) (overBlocks ? bytes : Math.multiplyExact(bytes, row.row().batch())));
  }

  /**
   * {@return the power of two} Axes are linear over it, so that their ticks are at powers of two: a
   * logarithmic axis of XChart has them at powers of ten, with labels such as 10^3.
   */
  private static double power(double value) {
    return Math.log(value) / LOG_2;
  }

  /** {@return the label of a tick; none between powers of two} */
  private static String size(double power) {
    long whole = Math.round(power);
    return whole >= 0 && whole < Long.SIZE - 1 && Math.abs(power - whole) < TICK
        ? Units.size(1L << whole)
        : "";
  }

  /** The rows that make a line, in order: those of one operation, and of one batch. */
  private Map<String, List<BenchSummary>> lines() {
    Map<String, List<BenchSummary>> lines = new LinkedHashMap<>();
    for (BenchSummary row : rows) {
      String name = row.row().operationName();
      lines
          .computeIfAbsent(
              overBlocks ? name + ", batch of " + row.row().batch() : name, _ -> new ArrayList<>())
          .add(row);
    }
    lines.values().forEach(line -> line.sort(Comparator.comparingDouble(this::x)));
    return lines;
  }

  private static Color color(int index) {
    return COLORS.get(index % COLORS.size());
  }
}
