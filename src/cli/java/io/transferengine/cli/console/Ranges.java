// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

/** Checks of options, with one form of error. */
public final class Ranges {
  private Ranges() {}

  public static void require(String option, long value, long most) {
    if (value < 1 || value > most) {
      throw CommandException.usage("%s %d: it must be 1 to %d".formatted(option, value, most));
    }
  }

  public static void requireAboveZero(String option, double value, double most) {
    if (!(value > 0 && value <= most)) {
      throw CommandException.usage(
          "%s %s: it must be above 0, up to %.0f".formatted(option, value, most));
    }
  }
}
