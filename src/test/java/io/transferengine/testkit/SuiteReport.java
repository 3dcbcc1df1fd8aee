// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.PrintStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.platform.engine.TestExecutionResult;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.launcher.TestExecutionListener;
import org.junit.platform.launcher.TestIdentifier;

/**
 * Prints a line for each test as it ends, with the stack of one that failed, and the sums in the
 * end. A container that fails (a {@code @BeforeAll}, say) counts as a failed test.
 */
final class SuiteReport implements TestExecutionListener {
  private final PrintStream out;
  private final boolean skipsAllowed;
  private final long startNanos = System.nanoTime();
  private final Map<String, Long> startedNanos = new ConcurrentHashMap<>();
  private final List<String> failures = new ArrayList<>();
  private int passed;
  private int skipped;

  SuiteReport(PrintStream out, boolean skipsAllowed) {
    this.out = out;
    this.skipsAllowed = skipsAllowed;
  }

  @Override
  public void executionStarted(TestIdentifier test) {
    startedNanos.put(test.getUniqueId(), System.nanoTime());
    if (test.getSource().filter(ClassSource.class::isInstance).isPresent()) {
      out.println(test.getLegacyReportingName());
    }
  }

  @Override
  public synchronized void executionSkipped(TestIdentifier test, String reason) {
    skip(test, reason);
  }

  @Override
  public synchronized void executionFinished(TestIdentifier test, TestExecutionResult result) {
    switch (result.getStatus()) {
      case SUCCESSFUL -> {
        if (test.isTest()) {
          passed++;
          print("ok", test);
        }
      }
      // An assumption that did not hold.
      case ABORTED ->
          skip(test, result.getThrowable().map(Throwable::getMessage).orElse("no reason given"));
      case FAILED -> {
        fail(test.getDisplayName());
        print("FAILED", test);
        result.getThrowable().ifPresent(thrown -> thrown.printStackTrace(out));
      }
    }
    out.flush();
  }

  private void skip(TestIdentifier test, String reason) {
    print("skipped (" + reason + ")", test);
    if (skipsAllowed) {
      skipped++;
    } else {
      fail(test.getDisplayName() + ": skipped where nothing may be");
    }
  }

  private void print(String outcome, TestIdentifier test) {
    long started = startedNanos.getOrDefault(test.getUniqueId(), System.nanoTime());
    out.printf(
        Locale.ROOT,
        "  %5.1f s  %s  %s%n",
        (System.nanoTime() - started) / 1e9,
        outcome,
        test.getLegacyReportingName());
  }

  synchronized void fail(String name) {
    failures.add(name);
  }

  /** Prints the sums. {@return whether tests ran and none failed} */
  synchronized boolean finish() {
    if (passed + failures.size() + skipped == 0) {
      failures.add("no test was found");
    }
    failures.forEach(name -> out.println("failed: " + name));
    out.printf(Locale.ROOT, "%.0f s in all%n", (System.nanoTime() - startNanos) / 1e9);
    out.printf(Locale.ROOT, "%d passed, %d failed, %d skipped%n", passed, failures.size(), skipped);
    out.flush();
    return failures.isEmpty();
  }
}
