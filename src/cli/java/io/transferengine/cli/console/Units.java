// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** Reads and writes numbers for people. A GB has 10^9 bytes; K, M and G are powers of 1024. */
public final class Units {
  private static final Pattern SIZE = Pattern.compile("([0-9]{1,12})([kKmMgG]?)(i?[bB])?");
  private static final long KIB = 1024;
  private static final double BYTES_PER_GB = 1e9;
  private static final double NANOS_PER_SECOND = 1e9;

  private Units() {}

  /** Reads {@code 4096}, {@code 4K}, {@code 1M}, {@code 2G}. */
  public static final class SizeConverter implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      Matcher matcher = SIZE.matcher(text);
      if (!matcher.matches()) {
        throw new TypeConversionException(
            "'" + text + "' is not a size: write bytes, or 4K, 1M, 2G (powers of 1024)");
      }
      long unit =
          switch (matcher.group(2).toUpperCase(Locale.ROOT)) {
            case "K" -> KIB;
            case "M" -> KIB * KIB;
            case "G" -> KIB * KIB * KIB;
            default -> 1;
          };
      long number = Long.parseLong(matcher.group(1));
      if (number == 0 || number > Long.MAX_VALUE / unit) {
        throw new TypeConversionException("'" + text + "' is not a size: it must be above 0");
      }
      return number * unit;
    }
  }

  /** {@return a size for people: {@code 4 KiB}, {@code 1.5 GiB}} */
  public static String size(long bytes) {
    String[] names = {"B", "KiB", "MiB", "GiB"};
    double value = bytes;
    int name = 0;
    while (value >= KIB && name < names.length - 1) {
      value /= KIB;
      name++;
    }
    String format = value == Math.rint(value) ? "%.0f %s" : "%.1f %s";
    return String.format(Locale.ROOT, format, value, names[name]);
  }

  public static String count(long number) {
    return String.format(Locale.ROOT, "%,d", number);
  }

  public static String fixed(double value, int decimals) {
    return String.format(Locale.ROOT, "%." + decimals + "f", value);
  }

  /** {@return a number without zeros at its end: {@code 50}, {@code 99.9}} */
  public static String shortest(double value) {
    return value == Math.rint(value) ? fixed(value, 0) : Double.toString(value);
  }

  public static double seconds(long nanos) {
    return nanos / NANOS_PER_SECOND;
  }

  /** {@return an age for people: {@code 12 s}, {@code 3 min}, {@code 5 h}, {@code 2 d}} */
  public static String age(long seconds) {
    if (seconds < 120) {
      return seconds + " s";
    }
    long minutes = seconds / 60;
    if (minutes < 120) {
      return minutes + " min";
    }
    long hours = minutes / 60;
    return hours < 48 ? hours + " h" : hours / 24 + " d";
  }

  /** {@return GB per second; 0 when no time has passed} */
  public static double gbPerSecond(long bytes, double seconds) {
    return seconds > 0 ? bytes / BYTES_PER_GB / seconds : 0;
  }

  public static double gb(long bytes) {
    return bytes / BYTES_PER_GB;
  }
}
