// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.bench;

import io.transferengine.cli.console.CommandException;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A known program, run in turns with ours. */
interface Reference extends AutoCloseable {
  /** {@return the program's name} */
  String name();

  /** A round over all rows begins. */
  default void beginRound() {}

  /** {@return its figure for a row, in this round; empty if it has none for such rows} */
  Optional<Figure> measure(BenchCase measured);

  /** {@return whether its figures have latencies} */
  default boolean tellsLatency() {
    return false;
  }

  /** Ends what it has started. */
  @Override
  default void close() {}

  /** {@return how it was run} */
  String explanation();

  /**
   * A figure.
   *
   * @param cpuSecondsPerGb of both its processes, if it tells it
   * @param p50Micros its median latency for the work of a batch, if it tells it
   */
  record Figure(double gbPerSecond, OptionalDouble cpuSecondsPerGb, OptionalDouble p50Micros) {}

  /**
   * {@return the program, from the folders of {@code path}}
   *
   * @throws CommandException if it is not installed
   */
  static Path require(String program, String path, String packageName) {
    return find(program, path)
        .orElseThrow(
            () ->
                CommandException.lacks(
                    "--against %s: it is not installed (package %s)"
                        .formatted(program, packageName)));
  }

  /** Ends a process of it, if it was started. */
  static void end(@Nullable Process process) {
    if (process != null) {
      process.destroyForcibly();
    }
  }

  /** Has that done after a while, whatever it does then. */
  static void endAfter(Duration limit, Process process) {
    CompletableFuture.delayedExecutor(limit.toMillis(), TimeUnit.MILLISECONDS)
        .execute(process::destroyForcibly);
  }

  /** {@return the program, if a folder of {@code path} has it} */
  static Optional<Path> find(String program, String path) {
    return Stream.of(path.split(File.pathSeparator, -1))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }
}
