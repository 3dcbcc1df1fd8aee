// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import io.transferengine.bindings.generator.CRecord.Field;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Writes the class of a struct or union: its layout, and for each member its layout, offset, getter
 * and setter. Members of anonymous structs and unions become members of the class. Named ones that
 * are declared inside get a nested class.
 */
final class RecordEmitter {
  private final SourceText out;
  private final CRecord record;
  private final String className;
  private final List<String> enclosing;

  private RecordEmitter(SourceText out, CRecord record, String className, List<String> enclosing) {
    this.out = out;
    this.record = record;
    this.className = className;
    this.enclosing = Stream.concat(enclosing.stream(), Stream.of(className)).toList();
  }

  /** The class of a listed record. */
  static void topLevel(SourceText out, CRecord record) {
    RecordEmitter emitter = new RecordEmitter(out, record, record.name(), List.of());
    String kind = emitter.kind() + " " + record.name();
    if (record.complete()) {
      out.add("/** {@code %s}: %d bytes. */".formatted(kind, record.size()));
    } else {
      out.add(
          """
          /**
          * The beginning of {@code %s}, %d bytes: what comes after it lies elsewhere on other
          * processors. Only the library makes one, so there is no size of the whole.
          */
          """
              .formatted(kind, record.size()));
    }
    out.add("@SuppressWarnings(\"restricted\")");
    out.add("public final class %s {".formatted(record.name()));
    emitter.body();
    out.add("}");
  }

  private String kind() {
    return record.union() ? "union" : "struct";
  }

  private void body() {
    out.add("private %s() {}".formatted(className));
    out.blank();
    String layout = LayoutText.named(LayoutText.of(record), className);
    out.add("private static final GroupLayout $LAYOUT = " + layout + ";");
    out.blank();
    out.add(
        """
        /** The layout of this %s. */
        public static GroupLayout layout() {
        return $LAYOUT;
        }
        """
            .formatted(kind()));
    members(record, 0, List.of());
    for (String skipped : record.skipped()) {
      out.blank();
      out.add("// Left out: " + skipped + ".");
    }
    wholeRecord();
  }

  private void members(CRecord from, long base, List<String> path) {
    int anonymous = 0;
    for (Field field : from.fields()) {
      if (field.name().isEmpty() && field.type() instanceof CType.Inline(CRecord inner)) {
        String name = LayoutText.anonymousName(anonymous++);
        members(inner, base + field.offset(), append(path, name));
      } else {
        member(field, base + field.offset(), append(path, field.name()));
      }
    }
  }

  private static List<String> append(List<String> path, String name) {
    return Stream.concat(path.stream(), Stream.of(name)).toList();
  }

  private void member(Field field, long offset, List<String> path) {
    switch (field.type()) {
      case CType.Scalar scalar -> {
        declare(field, scalar.layoutClass(), offset, path);
        scalar(field, scalar);
        String nested = Names.nested(field.name(), enclosing);
        field.function().ifPresent(function -> FunctionEmitter.pointer(out, nested, function));
      }
      case CType.Array array -> {
        declare(field, "SequenceLayout", offset, path);
        slice(field);
        elements(field, array);
      }
      case CType.Named _ -> {
        declare(field, "GroupLayout", offset, path);
        slice(field);
      }
      case CType.Inline(CRecord inner) -> {
        nested(field.name(), inner);
        declare(field, "GroupLayout", offset, path);
        slice(field);
      }
      // The layout, which is written before, refuses these.
      case CType.Unlisted unlisted -> throw new IllegalStateException(unlisted.spelling());
    }
  }

  private void nested(String name, CRecord inner) {
    String nested = Names.nested(name, enclosing);
    out.blank();
    out.add(
        "/** The %s {@code %s}: %d bytes. */"
            .formatted(inner.union() ? "union" : "struct", name, inner.size()));
    out.add("public static final class %s {".formatted(nested));
    new RecordEmitter(out, inner, nested, enclosing).body();
    out.add("}");
  }

  private void declare(Field field, String layoutClass, long offset, List<String> path) {
    String elements =
        path.stream()
            .map(name -> "groupElement(\"" + name + "\")")
            .collect(Collectors.joining(", "));
    out.blank();
    out.add(
        """
        private static final %2$s %1$s$LAYOUT = (%2$s) $LAYOUT.select(%3$s);
        private static final long %1$s$OFFSET = %4$d;

        /** Layout of %5$s. */
        public static %2$s %1$s$layout() {
        return %1$s$LAYOUT;
        }

        /** Offset of %5$s, in bytes. */
        public static long %1$s$offset() {
        return %1$s$OFFSET;
        }
        """
            .formatted(
                Names.identifier(field.name()), layoutClass, elements, offset, describe(field)));
  }

  /** The member as C declares it. */
  private static String describe(Field field) {
    String type = field.spelling();
    String text;
    if (type.contains("(*)")) {
      text = type.replace("(*)", "(*" + field.name() + ")");
    } else if (type.contains("[")) {
      text = type.replaceFirst(" ?\\[", " " + field.name() + "[");
    } else {
      text = type + " " + field.name();
    }
    return "{@code " + text + "}";
  }

  private void scalar(Field field, CType.Scalar scalar) {
    out.blank();
    out.add(
        """
        /** Gets %5$s. */
        public static %2$s %1$s(MemorySegment %3$s) {
        return %3$s.get(%1$s$LAYOUT, %1$s$OFFSET);
        }

        /** Sets %5$s. */
        public static void %1$s(MemorySegment %3$s, %2$s %4$s) {
        %3$s.set(%1$s$LAYOUT, %1$s$OFFSET, %4$s);
        }
        """
            .formatted(
                Names.identifier(field.name()),
                scalar.carrier(),
                kind(),
                "fieldValue",
                describe(field)));
  }

  private void slice(Field field) {
    out.blank();
    out.add(
        """
        /** The part of {@code %2$s} that is %3$s. */
        public static MemorySegment %1$s(MemorySegment %2$s) {
        return %2$s.asSlice(%1$s$OFFSET, %1$s$LAYOUT);
        }

        /** Copies {@code fieldValue} into %3$s. */
        public static void %1$s(MemorySegment %2$s, MemorySegment fieldValue) {
        MemorySegment.copy(fieldValue, 0L, %2$s, %1$s$OFFSET, %1$s$LAYOUT.byteSize());
        }
        """
            .formatted(Names.identifier(field.name()), kind(), describe(field)));
  }

  private void elements(Field field, CType.Array array) {
    out.blank();
    out.add(
        """
        /** Gets element {@code index0} of %7$s. */
        public static %2$s %1$s(MemorySegment %3$s, long index0) {
        return %3$s.get(HEADER_CLASS.%4$s, %1$s$OFFSET + Objects.checkIndex(index0, %5$dL) * %6$d);
        }

        /** Sets element {@code index0} of %7$s. */
        public static void %1$s(MemorySegment %3$s, long index0, %2$s fieldValue) {
        %3$s.set(HEADER_CLASS.%4$s, %1$s$OFFSET + Objects.checkIndex(index0, %5$dL) * %6$d, fieldValue);
        }
        """
            .formatted(
                Names.identifier(field.name()),
                array.element().carrier(),
                kind(),
                array.element(),
                array.length(),
                array.element().size(),
                describe(field)));
  }

  private void wholeRecord() {
    out.blank();
    if (record.complete()) {
      out.add(
          """
          /** Element {@code index} of an array of this %1$s. */
          public static MemorySegment asSlice(MemorySegment array, long index) {
          return array.asSlice(layout().byteSize() * index, layout());
          }

          /** The size of this %1$s, in bytes. */
          public static long sizeof() {
          return layout().byteSize();
          }

          /** Allocates one %1$s, whose content is the allocator's. */
          public static MemorySegment allocate(SegmentAllocator allocator) {
          return allocator.allocate(layout());
          }

          /** Allocates an array of {@code elementCount}. */
          public static MemorySegment allocateArray(long elementCount, SegmentAllocator allocator) {
          return allocator.allocate(MemoryLayout.sequenceLayout(elementCount, layout()));
          }

          /** The array of {@code elementCount} at {@code addr}, with the lifetime of {@code arena}. */
          public static MemorySegment reinterpret(
          MemorySegment addr,
          long elementCount,
          Arena arena,
          @Nullable Consumer<MemorySegment> cleanup
          ) {
          return addr.reinterpret(layout().byteSize() * elementCount, arena, cleanup);
          }
          """
              .formatted(kind()));
      out.blank();
    }
    out.add(
        """
        /** The %1$s at {@code addr}, with the lifetime of {@code arena}. */
        public static MemorySegment reinterpret(
        MemorySegment addr,
        Arena arena,
        @Nullable Consumer<MemorySegment> cleanup
        ) {
        return addr.reinterpret(layout().byteSize(), arena, cleanup);
        }
        """
            .formatted(kind()));
  }
}
