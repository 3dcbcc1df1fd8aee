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
    try {
      log.error("{} failed; what comes next goes on", what, thrown);
    } catch (Throwable unlogged) {
      // Not even memory for the text: what comes next matters more.
    }
  }
}
