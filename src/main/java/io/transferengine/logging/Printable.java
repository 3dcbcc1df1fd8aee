// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import java.util.regex.Pattern;

/** Makes text from strangers safe to quote in an error text or a log line. */
public final class Printable {
  /**
   * Control characters (also those of ISO 8859-1, with which some terminals begin a command),
   * characters that end a line or turn the direction of text, and halves of a pair.
   */
  private static final Pattern UNPRINTABLE =
      Pattern.compile("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}]+");

  private Printable() {}

  /**
   * {@return {@code text} in one line: at most {@code lengthMax} characters, then "..." if it was
   * longer; without characters that could forge further lines or steer a terminal}
   *
   * @param text anything, of any length
   * @param lengthMax how many of its characters are shown, 0 or more
   */
  public static String of(String text, int lengthMax) {
    String cut = text.length() <= lengthMax ? text : text.substring(0, lengthMax) + "...";
    return UNPRINTABLE.matcher(cut).replaceAll(" ");
  }
}
