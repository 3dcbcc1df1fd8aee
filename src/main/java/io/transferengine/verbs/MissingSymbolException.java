// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import java.io.Serial;

/** A library lacks a function that we need. */
final class MissingSymbolException extends RuntimeException {
  @Serial private static final long serialVersionUID = 1L;

  /** The function's name. */
  private final String symbol;

  MissingSymbolException(String symbol) {
    super("The library has no " + symbol);
    this.symbol = symbol;
  }

  String symbol() {
    return symbol;
  }
}
