// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.demo;

import io.transferengine.cli.console.Units;
import io.transferengine.cli.target.BlockShape;
import java.util.List;
import java.util.Optional;

/**
 * A line of the demo's table.
 *
 * @param way how the bytes were moved
 * @param problem what failed; empty if the bytes were the same in both processes
 */
record DemoRow(
    String what,
    String way,
    String direction,
    BlockShape shape,
    double seconds,
    Optional<String> problem) {
  /** With longer names the table would not fit a terminal of 80 columns. */
  private static final int NAME_LENGTH_MAX = 12;

  private static final String CUT = "..";

  boolean verified() {
    return problem.isEmpty();
  }

  List<String> cells() {
    return List.of(
        what.length() <= NAME_LENGTH_MAX
            ? what
            : what.substring(0, NAME_LENGTH_MAX - CUT.length()) + CUT,
        way,
        direction,
        Units.count(shape.totalBlocks()),
        Units.count(shape.totalBytes()),
        Units.fixed(seconds, 3),
        Units.fixed(Units.gbPerSecond(shape.totalBytes(), seconds), 2),
        verified() ? "verified" : "FAILED");
  }
}
