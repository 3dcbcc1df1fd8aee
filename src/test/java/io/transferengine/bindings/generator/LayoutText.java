// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import io.transferengine.bindings.generator.CRecord.Field;
import java.util.ArrayList;
import java.util.List;

/** A record's layout as an expression of {@code MemoryLayout}, padding made explicit. */
final class LayoutText {
  private LayoutText() {}

  static String of(CRecord record) {
    List<String> members = new ArrayList<>();
    long end = 0;
    int anonymous = 0;
    for (Field field : record.fields()) {
      refuseMisaligned(record, field);
      if (!record.union() && field.offset() > end) {
        members.add(padding(field.offset() - end));
      }
      String name = field.name().isEmpty() ? anonymousName(anonymous++) : field.name();
      members.add(named(member(name, field.type()), name));
      end = Math.max(end, field.offset() + field.type().size());
    }
    if (record.size() > end) {
      members.add(padding(record.union() ? record.size() : record.size() - end));
    }
    return "MemoryLayout.%s(\n%s\n)"
        .formatted(record.union() ? "unionLayout" : "structLayout", String.join(",\n", members));
  }

  /** The name, in the layout of the outer record, of its {@code index}th anonymous one. */
  static String anonymousName(int index) {
    return "$anon$" + index;
  }

  static String named(String layout, String name) {
    return layout + ".withName(\"" + name + "\")";
  }

  private static String padding(long size) {
    return "MemoryLayout.paddingLayout(" + size + ")";
  }

  private static String member(String name, CType type) {
    return switch (type) {
      case CType.Scalar scalar -> Names.HEADER_CLASS + "." + scalar;
      case CType.Array(CType.Scalar element, long length) ->
          "MemoryLayout.sequenceLayout(%d, %s.%s)".formatted(length, Names.HEADER_CLASS, element);
      case CType.Named(String record, _, _) -> record + ".layout()";
      case CType.Inline(CRecord inner) -> of(inner);
      case CType.Unlisted(String spelling, _, _) ->
          throw new GeneratorException(
              "%s needs %s: add it to the list of symbols".formatted(name, spelling));
    };
  }

  private static void refuseMisaligned(CRecord record, Field field) {
    if (field.offset() % field.type().alignment() != 0) {
      throw new GeneratorException(
          "%s.%s is packed at %d, which the generator cannot write"
              .formatted(record.name(), field.name(), field.offset()));
    }
  }
}
