// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import java.util.List;
import java.util.Optional;

/**
 * A function, or the type of one.
 *
 * @param spelling the type in C
 * @param result empty for {@code void}
 */
record CFunction(
    String name, String spelling, Optional<CType.Scalar> result, List<Parameter> parameters) {

  /**
   * A parameter; its name is that of the header, or {@code x0}, {@code x1} and so on.
   *
   * @param type a scalar, or a listed struct, which is passed by value
   */
  record Parameter(String name, CType type) {}
}
