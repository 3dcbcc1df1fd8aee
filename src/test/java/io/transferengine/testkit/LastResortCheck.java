// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.engine.LastResort;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Fails every test behind which a transfer had to be ended by force, here or in a {@link
 * PeerProcess}: that always is a mistake in the engine, whatever else the test finds. JUnit finds
 * it by itself (META-INF/services). A test that provokes it on purpose takes the count, {@link
 * LastResort#takeCount()}.
 */
public final class LastResortCheck implements BeforeEachCallback, AfterEachCallback {
  /** In each line of the log that {@link LastResort} writes, and in no other. */
  private static final String MARK = "mistake in the engine, please report it";

  private static final List<String> ofPeers = new CopyOnWriteArrayList<>();

  private static volatile boolean registered;

  /** {@return whether JUnit has found it} */
  static boolean isRegistered() {
    return registered;
  }

  /** Looks at a line of another process's log. */
  static void look(String line) {
    if (line.contains(MARK)) {
      ofPeers.add(line);
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    registered = true;
  }

  @Override
  public void afterEach(ExtensionContext context) {
    check();
  }

  /** Throws when it came to a last resort since the last call. */
  static void check() {
    long here = LastResort.takeCount();
    List<String> there = List.copyOf(ofPeers);
    ofPeers.removeAll(there);
    if (here > 0 || !there.isEmpty()) {
      throw new AssertionError(
          "A transfer had to be ended by force, here %d times (see the log), in other processes: %s"
              .formatted(here, there));
    }
  }
}
