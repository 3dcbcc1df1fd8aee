// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Hangs, deaf to interrupts. Its name keeps it out of every run but {@link TimeLimitTest}'s. */
final class HangingExample {
  static final String TAG = "hangs";

  private HangingExample() {}

  @Tag(TAG)
  static class InATest {
    @Test
    void hangingTest() {
      hang();
    }
  }

  @Tag(TAG)
  static class BeforeIts {
    @BeforeAll
    static void hangingBefore() {
      hang();
    }

    @Test
    void neverReached() {}
  }

  private static void hang() {
    while (true) {
      Thread.onSpinWait();
    }
  }
}
