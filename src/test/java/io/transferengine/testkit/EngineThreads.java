// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.util.List;

/** The threads of all engines in this process, but for virtual ones. */
public final class EngineThreads {
  private EngineThreads() {}

  /** {@return their names, sorted} */
  public static List<String> names() {
    return Thread.getAllStackTraces().keySet().stream()
        .map(Thread::getName)
        .filter(name -> name.startsWith("te-"))
        .sorted()
        .toList();
  }
}
