// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

/** Checks arguments that C would silently cut to a few bits. */
final class Ranges {
  private Ranges() {}

  /**
   * {@return {@code value}}
   *
   * @throws IllegalArgumentException if it is not from {@code lowest} to {@code highest}
   */
  static int require(String name, int value, int lowest, int highest) {
    if (value < lowest || value > highest) {
      throw new IllegalArgumentException(
          name + " is " + value + "; allowed are " + lowest + " to " + highest);
    }
    return value;
  }
}
