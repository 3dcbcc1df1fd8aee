// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/** The platform threads of all engines in this process. */
public final class EngineThreads {
  /** Those of pools, which keep them for a second. */
  private static final Pattern POOLED =
      Pattern.compile("te-(task|ask|notify|http|redis|etcd|look)-\\d+");

  private EngineThreads() {}

  /** {@return their names, sorted, as soon as no pool has any} */
  public static List<String> settled() {
    Awaitility.await()
        .atMost(Duration.ofMinutes(1))
        .until(() -> names().stream().noneMatch(name -> POOLED.matcher(name).matches()));
    return names();
  }

  /** {@return their names, sorted} */
  public static List<String> names() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("te-"))
        .sorted()
        .toList();
  }
}
