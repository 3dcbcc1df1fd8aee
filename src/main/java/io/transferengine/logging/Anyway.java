// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.slf4j.Logger;

/**
 * Runs steps that must not end their thread or their schedule, whatever they throw. An executor
 * silently drops a repeated task at its first exception.
 *
 * <p>In a full heap the handling of an exception throws as well. Not only its log: a text in the
 * program takes memory when it is used for the first time, and so does a lambda. A loop that must
 * go on therefore has both before it begins, and calls {@link #run}.
 */
public final class Anyway {
  private Anyway() {}

  /**
   * Runs {@code action}. If it throws, that is logged as an ERROR. Throws nothing.
   *
   * @param what names the action in the log
   * @return whether it did not throw
   */
  public static boolean run(Logger log, String what, Runnable action) {
    try {
      action.run();
      return true;
    } catch (Throwable t) {
      failed(log, what, t);
      return false;
    }
  }

  /** Logs an exception that must not prevent the next step. Throws nothing. */
  public static void failed(Logger log, String what, Throwable thrown) {
    try {
      log.error("{} failed; the engine goes on with the next step", what, thrown);
    } catch (Throwable unlogged) {
      // There may be no memory for the text. The next step matters more.
    }
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
      // As above.
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
