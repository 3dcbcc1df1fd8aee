// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import java.util.List;
import java.util.Optional;

/**
 * A struct or union.
 *
 * @param name empty if it has none
 * @param size in bytes, padding at the end included
 * @param alignment in bytes
 * @param fields by offset
 * @param skipped what the generated class leaves out, each as C text with the reason
 * @param complete whether {@code fields} go to the end. If not, size and alignment are those of the
 *     beginning that {@code fields} make up.
 */
record CRecord(
    boolean union,
    String name,
    long size,
    long alignment,
    List<Field> fields,
    List<String> skipped,
    boolean complete) {

  /**
   * A member.
   *
   * @param name empty for an anonymous struct or union, whose members count as the outer one's
   * @param spelling the type in C
   * @param offset in bytes, from the beginning of the record
   * @param function what it points to, if it is a pointer to a function
   */
  record Field(
      String name, String spelling, long offset, CType type, Optional<CFunction> function) {}
}
