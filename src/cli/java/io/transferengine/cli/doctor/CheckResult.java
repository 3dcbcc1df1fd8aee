// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import io.transferengine.transfer.TransferException;

/** One result of the doctor. */
record CheckResult(String what, String text, Verdict verdict) {

  /** Its meaning for the engine. */
  enum Verdict {
    /** It is there. */
    OK("ok"),
    /** It is not there; the engine works without it. */
    NO("no"),
    /** It is not there; the engine cannot work. */
    MISSING("missing");

    private final String text;

    Verdict(String text) {
      this.text = text;
    }

    String text() {
      return text;
    }
  }

  static CheckResult ok(String what, String text) {
    return new CheckResult(what, text, Verdict.OK);
  }

  static CheckResult no(String what, String text) {
    return new CheckResult(what, text, Verdict.NO);
  }

  static CheckResult no(String what, TransferException why) {
    return no(what, inOneLine(why));
  }

  static CheckResult missing(String what, String text) {
    return new CheckResult(what, text, Verdict.MISSING);
  }

  static CheckResult missing(String what, TransferException why) {
    return missing(what, inOneLine(why));
  }

  private static String inOneLine(TransferException why) {
    return String.valueOf(why.getMessage()).replaceAll("\\s*\\R\\s*", "; ");
  }
}
