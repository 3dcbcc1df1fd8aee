// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.slf4j.Logger;

/**
 * Runs steps that must not end their thread or their schedule, whatever they throw. An executor
 * silently drops a repeated task at its first exception.
 */
public final class Anyway {
  private Anyway() {}

  /**
   * Runs {@code action}. If it throws, that is logged as an ERROR.
   *
   * @param what names the action in the log
   */
  public static void run(Logger log, String what, Runnable action) {
    try {
      action.run();
    } catch (Throwable t) {
      failed(log, what, t);
    }
  }

  /** Logs an exception that must not prevent the next step. */
  public static void failed(Logger log, String what, Throwable thrown) {
    error(log, "{} failed; the engine goes on with the next step", what, thrown);
  }

  /**
   * Logs an ERROR, or nothing if logging itself throws.
   *
   * @param format has one place for {@code what}
   */
  public static void error(Logger log, String format, String what, Throwable thrown) {
    try {
      log.error(format, what, thrown);
    } catch (Throwable unlogged) {
      // There may be no memory for the text. The next step matters more.
    }
  }

  /** Logs an ERROR, or nothing if logging itself throws. */
  public static void error(Logger log, String text, Throwable thrown) {
    try {
      log.error(text, thrown);
    } catch (Throwable unlogged) {
      // As above.
    }
  }
}
