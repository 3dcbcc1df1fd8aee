// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import org.slf4j.Logger;

/**
 * Does what must not end its thread or its schedule, whatever it throws. Executors leave a repeated
 * task out from its first exception on, without a word.
 */
public final class Anyway {
  private Anyway() {}

  /**
   * Does something; what it throws is an ERROR in the log.
   *
   * @param what names it there
   */
  public static void run(Logger log, String what, Runnable action) {
    try {
      action.run();
    } catch (Throwable t) {
      failed(log, what, t);
    }
  }

  /** Tells of what was thrown and must not keep what comes next from being done. */
  public static void failed(Logger log, String what, Throwable thrown) {
    error(log, "{} failed; what comes next goes on", what, thrown);
  }

  /**
   * Puts an ERROR into the log; none if that throws.
   *
   * @param format has one place for {@code what}
   */
  public static void error(Logger log, String format, String what, Throwable thrown) {
    try {
      log.error(format, what, thrown);
    } catch (Throwable unlogged) {
      // Not even memory for the text: what comes next matters more.
    }
  }

  /** Puts an ERROR into the log; none if that throws. */
  public static void error(Logger log, String text, Throwable thrown) {
    try {
      log.error(text, thrown);
    } catch (Throwable unlogged) {
      // As above.
    }
  }
}
