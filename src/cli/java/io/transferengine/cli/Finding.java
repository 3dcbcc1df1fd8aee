// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli;

/** A line of the doctor. */
record Finding(String what, String text, Verdict verdict) {

  /** What it means for the engine. */
  enum Verdict {
    /** There. */
    OK("ok"),
    /** Not there; the engine does without. */
    NO("no"),
    /** Not there; the engine cannot work. */
    MISSING("missing");

    private final String text;

    Verdict(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }
  }

  static Finding ok(String what, String text) {
    return new Finding(what, text, Verdict.OK);
  }

  static Finding no(String what, String text) {
    return new Finding(what, text, Verdict.NO);
  }

  static Finding missing(String what, String text) {
    return new Finding(what, text, Verdict.MISSING);
  }
}
