// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a machine may lack, and the tests that cannot run without it. */
public final class Needs {
  private Needs() {}

  /**
   * Skips the test unless the machine has what it needs; where {@code CI} is {@code true}, the test
   * fails instead, since nobody would notice.
   *
   * @param cause what is missing, and how to get it
   */
  public static void that(boolean present, String cause) {
    if ("true".equals(System.getenv("CI"))) {
      Assertions.assertTrue(present, cause);
    }
    if (!present) {
      // The reports of a run have the causes of skips in files only.
      System.err.println("skipped: " + cause);
    }
    Assumptions.assumeTrue(present, cause);
  }
}
