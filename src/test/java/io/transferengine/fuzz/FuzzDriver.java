// SPDX-License-Identifier: Apache-2.0
package io.transferengine.fuzz;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What Jazzer calls: it finds these methods by their names. */
public final class FuzzDriver {
  private static @Nullable FuzzTarget target;

  private FuzzDriver() {}

  /**
   * Before the first input. What is kept is run here already: the first time, classes are loaded
   * and instrumented, which must not count as the time of an input.
   */
  public static void fuzzerInitialize(String[] args) {
    Object about = args[0];
    try {
      LoggedFaults.watch(true);
      Oracle.isHooked();
      target = FuzzTargets.make(args[0]);
      for (Path file : FuzzTargets.inputs(args[0])) {
        about = file;
        runChecked(target, Files.readAllBytes(file));
      }
    } catch (Throwable t) {
      // Jazzer would leave it at that, and a target's threads may keep the process.
      System.err.println("Before fuzzing: " + about);
      t.printStackTrace();
      Runtime.getRuntime().halt(1);
    }
  }

  /** For each input. */
  public static void fuzzerTestOneInput(byte[] input) throws Exception {
    runChecked(Objects.requireNonNull(target), input);
  }

  /** After the last input. */
  public static void fuzzerTearDown() throws IOException {
    Objects.requireNonNull(target).close();
  }

  /** Runs a target once; what was caught and only logged is a finding, too. */
  static void runChecked(FuzzTarget target, byte[] input) throws Exception {
    try {
      target.run(input);
    } finally {
      LoggedFaults.requireNone();
    }
  }
}
