// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.console;

/** Terminals of tests. */
public final class Terminals {
  private Terminals() {}

  /** {@return one so wide, without colours and bars} */
  public static Terminal of(int width) {
    return new Terminal(false, false, false, width);
  }
}
