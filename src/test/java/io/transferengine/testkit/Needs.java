// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import io.transferengine.os.LifeWord;
import io.transferengine.os.NativeCallException;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.ServerSocket;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;

/** What a machine may lack, and the tests that cannot run without it. */
public final class Needs {
  private Needs() {}

  /**
   * Skips the test unless what can be installed is there; where {@code CI} is {@code true}, the
   * test fails instead, since nobody would notice.
   *
   * @param cause what is missing, and how to get it
   */
  public static void that(boolean present, String cause) {
    if ("true".equals(System.getenv("CI"))) {
      Assertions.assertTrue(present, cause);
    }
    ofMachine(present, cause);
  }

  /**
   * Skips the test, with {@code CI} too, where the machine or its owner does not allow it whatever
   * is installed: another architecture, a right that we have not got. It must not be the engine
   * that is asked whether it is so.
   *
   * @param cause what it is that the machine does not allow
   */
  public static void ofMachine(boolean allowed, String cause) {
    if (!allowed) {
      // The reports of a run have the causes of skips in files only.
      System.err.println("skipped: " + cause);
    }
    Assumptions.assumeTrue(allowed, cause);
  }

  /** Skips the test where the kernel, or a limit, allows no word by which others see our life. */
  public static void lifeWord() {
    boolean can = true;
    try {
      LifeWord.of("te-life-can").discard();
    } catch (NativeCallException no) {
      can = false;
    }
    ofMachine(can, "a page cannot be sealed for readers, or not locked");
  }

  /** Skips the test where there is no IPv6, not even within the machine. */
  public static void ipv6Loopback() {
    ofMachine(hasIpv6Loopback(), "this machine has no IPv6 loopback");
  }

  private static boolean hasIpv6Loopback() {
    try (ServerSocket probe = new ServerSocket(0, 1, Inet6Address.ofLiteral("::1"))) {
      return probe.isBound();
    } catch (IOException e) {
      return false;
    }
  }
}
