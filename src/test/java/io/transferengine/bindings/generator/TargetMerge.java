// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import io.transferengine.bindings.generator.CRecord.Field;
import java.util.ArrayList;
import java.util.List;

/**
 * What two processors have in common. The classes are generated once and run on both, so a member
 * that lies elsewhere on one of them must not be reachable: a mutex of the C library is one.
 */
final class TargetMerge {
  private final String otherTarget;

  private TargetMerge(String otherTarget) {
    this.otherTarget = otherTarget;
  }

  /**
   * {@code first}, with each record cut off before the first member that {@code other} has
   * elsewhere or otherwise.
   *
   * @throws GeneratorException if they differ in more than the ends of records
   */
  static Declarations merge(Declarations first, Declarations other, String otherTarget) {
    if (!first.constants().equals(other.constants())
        || !first.functions().equals(other.functions())) {
      throw new GeneratorException("constants or functions differ on " + otherTarget);
    }
    TargetMerge merge = new TargetMerge(otherTarget);
    List<CRecord> records = new ArrayList<>();
    for (int i = 0; i < first.records().size(); i++) {
      records.add(merge.record(first.records().get(i), other.records().get(i)));
    }
    return new Declarations(first.constants(), first.functions(), records);
  }

  private CRecord record(CRecord first, CRecord other) {
    if (first.equals(other)) {
      return first;
    }
    int common = 0;
    while (common < first.fields().size()
        && common < other.fields().size()
        && first.fields().get(common).equals(other.fields().get(common))) {
      common++;
    }
    if (first.union() || common == 0 || common == first.fields().size()) {
      throw new GeneratorException(
          "%s differs on %s in a way that the generator cannot write"
              .formatted(first.name(), otherTarget));
    }
    List<Field> kept = first.fields().subList(0, common);
    List<String> skipped = new ArrayList<>(first.skipped());
    for (Field field : first.fields().subList(common, first.fields().size())) {
      skipped.add(
          "%s %s: elsewhere, or of another size, on %s"
              .formatted(field.spelling(), field.name(), otherTarget));
    }
    Field last = kept.getLast();
    long alignment = kept.stream().mapToLong(field -> field.type().alignment()).max().orElseThrow();
    return new CRecord(
        false, first.name(), last.offset() + last.type().size(), alignment, kept, skipped, false);
  }
}
