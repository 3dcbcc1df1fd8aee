// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClasspathRoots;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.platform.engine.FilterResult;
import org.junit.platform.engine.TestDescriptor;
import org.junit.platform.engine.TestSource;
import org.junit.platform.engine.support.descriptor.ClassSource;
import org.junit.platform.engine.support.descriptor.MethodSource;
import org.junit.platform.launcher.Launcher;
import org.junit.platform.launcher.LauncherDiscoveryRequest;
import org.junit.platform.launcher.PostDiscoveryFilter;
import org.junit.platform.launcher.TagFilter;
import org.junit.platform.launcher.core.LauncherDiscoveryRequestBuilder;
import org.junit.platform.launcher.core.LauncherFactory;

/**
 * Runs the tests with a tag without Maven, which is slow where this is used: in the soft-RoCE
 * guest. {@code ./te test} starts it.
 *
 * <p>Arguments: options, the folder of the test classes, the tag, and, to run fewer, names of
 * classes, each with {@code #method} or without. Options: {@code --no-skips}, a skipped test is a
 * failure; {@code --limit=SECONDS}, after which all stacks are printed and the run has failed.
 * Standard output ends in {@code N passed, N failed, N skipped}; the exit status is 0 when tests
 * ran and none failed, else 1.
 */
public final class SuiteMain {
  private SuiteMain() {}

  /** Runs the tests and ends the process. */
  public static void main(String[] args) {
    boolean skipsAllowed = true;
    long limitSeconds = 0;
    List<String> words = new ArrayList<>();
    for (String arg : args) {
      if (arg.equals("--no-skips")) {
        skipsAllowed = false;
      } else if (arg.startsWith("--limit=")) {
        limitSeconds = Long.parseLong(arg.substring("--limit=".length()));
      } else {
        words.add(arg);
      }
    }
    SuiteReport report = new SuiteReport(System.out, skipsAllowed);
    if (limitSeconds > 0) {
      endAfter(limitSeconds, report);
    }
    Launcher launcher = LauncherFactory.create();
    launcher.execute(
        request(Path.of(words.get(0)), words.get(1), words.subList(2, words.size())), report);
    // Threads of a test that has failed must not keep the process.
    Runtime.getRuntime().exit(report.finish() ? 0 : 1);
  }

  private static LauncherDiscoveryRequest request(Path classes, String tag, List<String> names) {
    return LauncherDiscoveryRequestBuilder.request()
        .selectors(selectClasspathRoots(Set.of(classes)))
        .filters(TagFilter.includeTags(tag))
        .filters((PostDiscoveryFilter) descriptor -> chosen(descriptor, names))
        .build();
  }

  private static FilterResult chosen(TestDescriptor descriptor, List<String> names) {
    return FilterResult.includedIf(
        names.isEmpty()
            || descriptor
                .getSource()
                .map(source -> names.stream().anyMatch(name -> matches(source, name)))
                .orElse(false));
  }

  /** The filter is asked about what has no children; a test template counts as that. */
  private static boolean matches(TestSource source, String name) {
    int hash = name.indexOf('#');
    String className = hash < 0 ? name : name.substring(0, hash);
    return switch (source) {
      case MethodSource method ->
          isNamed(method.getClassName(), className)
              && (hash < 0 || method.getMethodName().equals(name.substring(hash + 1)));
      case ClassSource type -> hash < 0 && isNamed(type.getClassName(), className);
      default -> false;
    };
  }

  private static boolean isNamed(String fullName, String asked) {
    return fullName.equals(asked) || fullName.endsWith("." + asked);
  }

  /** A test that hangs in a native call obeys no timeout: this ends it, and shows where. */
  private static void endAfter(long seconds, SuiteReport report) {
    Thread.ofPlatform()
        .daemon()
        .name("suite-limit")
        .start(
            () -> {
              try {
                Thread.sleep(seconds * 1000);
              } catch (InterruptedException e) {
                return;
              }
              System.out.println("The tests are not over after " + seconds + " s. Threads:");
              for (Map.Entry<Thread, StackTraceElement[]> entry :
                  Thread.getAllStackTraces().entrySet()) {
                System.out.println(entry.getKey());
                for (StackTraceElement element : entry.getValue()) {
                  System.out.println("    at " + element);
                }
              }
              report.fail("the time limit of the suite");
              report.finish();
              System.out.flush();
              Runtime.getRuntime().halt(1);
            });
  }
}
