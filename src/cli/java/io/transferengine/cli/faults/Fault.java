// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/**
 * One fault, and where it strikes.
 *
 * @param act what happens
 * @param part it strikes in such a part of a connection,
 * @param skipped after this many others,
 * @param place before this byte of it
 * @param amount milliseconds of a delay, the bit that is inverted, or the bytes that are repeated,
 *     left out or passed on one by one
 */
public record Fault(Act act, Part part, int skipped, Place place, int amount) {
  /** A byte of a part. */
  public enum Place {
    START,
    SECOND,
    MIDDLE,
    LAST,
    /** Behind the last one, even if nothing follows. */
    END;

    long offset(long length) {
      return switch (this) {
        case START -> 0;
        case SECOND -> Math.min(1, length);
        case MIDDLE -> length / 2;
        case LAST -> Math.max(0, length - 1);
        case END -> length;
      };
    }
  }

  @Override
  public String toString() {
    return "%s(%d) at %s of %s %d".formatted(act, amount, place, part, skipped);
  }
}
