// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Gives each wait for something a minute. A test that waits says what has to come, not how fast:
 * Awaitility's own 10 s are over on a machine that has other work. JUnit finds it by itself
 * (META-INF/services).
 */
public final class PatientWaits implements BeforeAllCallback {
  @Override
  public void beforeAll(ExtensionContext context) {
    Awaitility.setDefaultTimeout(Duration.ofMinutes(1));
  }
}
