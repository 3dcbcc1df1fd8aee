// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import java.util.HexFormat;
import java.util.OptionalLong;

/**
 * The incarnation of an engine as text, in its descriptor, and as a number, where it is compared.
 */
public final class Incarnations {
  private static final int DIGITS = 16;

  private Incarnations() {}

  /** {@return the number that 16 hex digits say; empty for any other text} */
  public static OptionalLong number(String text) {
    if (text.length() != DIGITS || !text.chars().allMatch(HexFormat::isHexDigit)) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(HexFormat.fromHexDigitsToLong(text));
  }

  /** {@return the text in a descriptor that says so} */
  public static String text(long number) {
    return HexFormat.of().toHexDigits(number);
  }
}
