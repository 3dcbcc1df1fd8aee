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

  boolean verified() {
    return problem.isEmpty();
  }

  List<String> cells() {
    return List.of(
        what,
        way,
        direction,
        Units.count(shape.totalBlocks()),
        Units.count(shape.totalBytes()),
        Units.fixed(seconds, 3),
        Units.fixed(Units.gbPerSecond(shape.totalBytes(), seconds), 2),
        verified() ? "verified" : "FAILED");
  }
}
