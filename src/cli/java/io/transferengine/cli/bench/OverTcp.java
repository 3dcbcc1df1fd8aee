// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.Engine;
import io.transferengine.cli.console.CommandException;
import io.transferengine.cli.target.EngineSetup;
import io.transferengine.cli.target.TargetLink;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * The same rows by an engine of ours over TCP, with a target process of its own: what copies on one
 * machine are compared with.
 */
final class OverTcp implements Reference {
  static final String NAME = EngineSetup.TCP;

  private final Engine engine;
  private final TargetLink target;
  private final BenchLoop loop;
  private final BenchWorkload workload;

  /** Makes the same workload for another engine. */
  interface Opener {
    BenchWorkload open(Engine engine, TargetLink target, BenchLoop loop);
  }

  private OverTcp(Engine engine, TargetLink target, BenchLoop loop, BenchWorkload workload) {
    this.engine = engine;
    this.target = target;
    this.loop = loop;
    this.workload = workload;
  }

  /** {@return the reference, which closes both in the end} Also when this throws. */
  static OverTcp open(Engine engine, TargetLink target, BenchPace pace, Opener opener) {
    BenchLoop loop = new BenchLoop(engine, target, pace);
    try {
      engine.warmUp(target.segmentName());
      return new OverTcp(engine, target, loop, opener.open(engine, target, loop));
    } catch (Throwable t) {
      try (engine;
          target;
          loop) {
        throw t;
      }
    }
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public boolean tellsLatency() {
    return true;
  }

  @Override
  public Optional<Figure> measure(BenchCase measured) {
    return workload.cases().stream()
        .filter(same -> same.row().equals(measured.row()))
        .findFirst()
        .map(BenchCase::measure)
        .map(OverTcp::figure);
  }

  private static Figure figure(BenchResult result) {
    result
        .problem()
        .ifPresent(
            problem -> {
              throw CommandException.failed("--against tcp: " + problem);
            });
    return new Figure(
        result.gbPerSecond(),
        OptionalDouble.of(result.cpuSecondsPerGb()),
        OptionalDouble.of(result.percentileMicros(BenchSummary.MEDIAN)));
  }

  @Override
  public String explanation() {
    return "tcp: the same rows by our own engine over TCP, with a target of its own, before each"
        + " row";
  }

  @Override
  public void close() {
    // In the order in which the command closes its own.
    try (engine;
        target;
        loop;
        workload) {
      // Nothing else.
    }
  }
}
