// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import java.util.List;

/** What the headers say of the symbols on the list, in its order. */
record Declarations(List<Constant> constants, List<CFunction> functions, List<CRecord> records) {

  /**
   * An enum constant or macro.
   *
   * @param wide whether its type in C has 8 bytes
   */
  record Constant(String name, long value, boolean wide) {}
}
