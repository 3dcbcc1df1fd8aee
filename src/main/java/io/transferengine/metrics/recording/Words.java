// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.logging.Printable;

/** What events say, in one line of bounded length. */
final class Words {
  private static final int LENGTH_MAX = 1_000;

  private Words() {}

  /** {@return what has happened: a text, or an exception, of which nobody needs the class} */
  static String of(Object what) {
    String message = what instanceof Throwable thrown ? thrown.getMessage() : null;
    return Printable.of(message == null ? String.valueOf(what) : message, LENGTH_MAX);
  }
}
