// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The steps of a check on a machine that is lent for minutes, once: each says at once how it ended,
 * one that fails or takes too long does not stop the others.
 */
final class GpuSteps {
  /** So many times longer may a step take on a machine that is busy with others. */
  private static final int PATIENCE = Integer.getInteger("gpu.patience", 1);

  private final String program;
  private final List<String> failed = new ArrayList<>();
  private boolean stuck;

  /** Something to be checked. */
  interface Step {
    void run() throws Exception;
  }

  GpuSteps(String program) {
    this.program = program;
  }

  /** Ends the program with status 3 if there is no device. */
  static void requireDevice() {
    Devices.unavailabilityCause()
        .ifPresent(
            why -> {
              System.err.println(why);
              System.exit(3);
            });
  }

  static void require(boolean right, String what) {
    if (!right) {
      throw new AssertionError("WRONG: " + what);
    }
  }

  /** Prints a figure beside what is asked for; to miss it is no failure. */
  static void figure(String what, double value, double wanted) {
    System.out.printf(
        "FIGURE %s: %.2f, wanted %.2f: %s%n",
        what, value, wanted, value >= wanted ? "reached" : "MISSED");
  }

  /**
   * Does one step, on a thread of its own.
   *
   * @param seconds when it is given up; whatever it uses may stay in use
   */
  void step(String name, int seconds, Step step) throws InterruptedException {
    Outcome outcome = new Outcome();
    Thread thread =
        Thread.ofPlatform()
            .daemon()
            .name("step-" + name)
            .start(
                () -> {
                  try {
                    step.run();
                  } catch (Throwable t) {
                    outcome.thrown = t;
                  }
                });
    long start = System.nanoTime();
    boolean ended = thread.join(Duration.ofSeconds((long) PATIENCE * seconds));
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - start);
    Throwable thrown = outcome.thrown;
    if (ended && thrown == null) {
      System.out.printf("ok     %s: %s, %d ms%n", program, name, millis);
      return;
    }
    failed.add(name);
    if (thrown != null) {
      System.out.printf("FAILED %s: %s, after %d ms: %s%n", program, name, millis, thrown);
      thrown.printStackTrace(System.out);
      return;
    }
    stuck = true;
    System.out.printf("STUCK  %s: %s, after %d ms, at%n", program, name, millis);
    for (StackTraceElement each : thread.getStackTrace()) {
      System.out.println("    " + each);
    }
  }

  /** What a step has thrown; read when its thread has ended. */
  private static final class Outcome {
    private volatile @Nullable Throwable thrown;
  }

  /**
   * Says how all have ended, before anything is closed. What is stuck is not waited for, nor what
   * it has started: a peer would keep our output open, and whoever reads that would wait for it.
   */
  void finish() {
    System.out.println(failed.isEmpty() ? "all right" : program + " FAILED: " + failed);
    if (stuck) {
      System.out.flush();
      ProcessHandle.current().descendants().forEach(ProcessHandle::destroyForcibly);
      Runtime.getRuntime().halt(1);
    }
  }

  /** Ends the program with status 1 if a step has failed. */
  void exit() {
    if (!failed.isEmpty()) {
      System.exit(1);
    }
  }
}
