// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.top;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Numbers in few characters. K, M and G of bytes are powers of 1024, of anything else of 1000. */
final class Brief {
  private static final String UNITS = "KMGTPE";
  private static final int BINARY = 1024;
  private static final int DECIMAL = 1000;
  private static final long MICROS_PER_MILLI = 1_000;
  private static final long MICROS_PER_SECOND = 1_000_000;

  private Brief() {}

  static String bytes(double count) {
    return scaled(count, BINARY);
  }

  static String bytes(long count) {
    return bytes((double) count);
  }

  static String count(double count) {
    return scaled(count, DECIMAL);
  }

  static String count(long count) {
    return count((double) count);
  }

  /** Five characters at most. */
  private static String scaled(double count, int base) {
    double value = count;
    int unit = -1;
    // 999.5 would be shown as 1000.
    while (Math.abs(value) >= 999.5 && unit < UNITS.length() - 1) {
      value /= base;
      unit++;
    }
    String exact = String.format(Locale.ROOT, value >= 99.95 ? "%.0f" : "%.1f", value);
    String digits = exact.endsWith(".0") ? exact.substring(0, exact.length() - 2) : exact;
    return unit < 0 ? digits : digits + UNITS.charAt(unit);
  }

  /** {@return the bound of a bucket of latencies} */
  static String micros(long bound) {
    if (bound == Long.MAX_VALUE) {
      return ">10s";
    }
    if (bound == 0) {
      return "-";
    }
    if (bound >= MICROS_PER_SECOND) {
      return bound / MICROS_PER_SECOND + "s";
    }
    return bound >= MICROS_PER_MILLI ? bound / MICROS_PER_MILLI + "ms" : bound + "us";
  }

  /**
   * {@return a list of parts behind a label, in as many lines as it needs, and no more than some}
   *
   * @param parts with commas between them, where a line may end
   * @param width of a line, but for the last one, which has all that is left
   */
  static List<String> wrapped(String label, String parts, int width, int mostLines) {
    List<String> lines = new ArrayList<>();
    StringBuilder line = new StringBuilder(label);
    for (String part : parts.split("(?<=, )", -1)) {
      boolean fits = line.length() + part.stripTrailing().length() <= width;
      if (!fits && line.length() > label.length() && lines.size() < mostLines - 1) {
        lines.add(line.toString().stripTrailing());
        line = new StringBuilder(" ".repeat(label.length()));
      }
      line.append(part);
    }
    lines.add(line.toString());
    return lines;
  }

  /** {@return a text of at most so many characters, which is cut at its end} */
  static String cut(String text, int width) {
    if (text.length() <= width) {
      return text;
    }
    return width < 3 ? text.substring(0, Math.max(0, width)) : text.substring(0, width - 2) + "..";
  }

  static String right(String text, int width) {
    return " ".repeat(Math.max(0, width - text.length())) + text;
  }

  static String left(String text, int width) {
    String cut = cut(text, width);
    return cut + " ".repeat(Math.max(0, width - cut.length()));
  }
}
