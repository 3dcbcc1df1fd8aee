// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

/** Makes text from strangers safe to quote in an error text or a log line. */
public final class Printable {
  private Printable() {}

  /**
   * {@return {@code text} in one line: at most {@code lengthMax} characters, then "..." if it was
   * longer; without control characters, which could forge further lines}
   *
   * @param text anything, of any length
   * @param lengthMax how many of its characters are shown, 0 or more
   */
  public static String of(String text, int lengthMax) {
    String cut = text.length() <= lengthMax ? text : text.substring(0, lengthMax) + "...";
    return cut.replaceAll("\\p{Cntrl}+", " ");
  }
}
