// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.GeneratedClasses.Structure;
import io.transferengine.bindings.generator.BindingsGenerator;
import io.transferengine.testkit.Needs;
import java.lang.foreign.Arena;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.SequenceLayout;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Sizes, offsets and constants of the generated classes against a C program, which the machine's
 * gcc makes of the machine's own headers. Neither the pinned headers nor clang take part.
 */
@Timeout(120)
class LayoutTest {
  private static final Path HEADER = Path.of("/usr/include/infiniband/verbs.h");

  /** A byte that no untouched memory of a test has. */
  private static final byte UNTOUCHED = 0x5a;

  static List<Structure> structures() {
    return GeneratedClasses.structures();
  }

  @Test
  void gccAgrees(@TempDir Path directory) throws Exception {
    Needs.that(Files.exists(HEADER), "no " + HEADER + ": install the package libibverbs-dev");
    LayoutProgram program = new LayoutProgram(BindingsGenerator.VERBS, Ibv.class);
    assertThat(program.expected()).hasSizeGreaterThan(500);

    assertThat(program.run(directory, "#include <infiniband/verbs.h>\n"))
        .containsExactlyEntriesOf(program.expected());
  }

  /** So that no member is missing between two others: a gap is there for alignment alone. */
  @ParameterizedTest
  @MethodSource("structures")
  void paddingIsForAlignmentOnly(Structure structure) {
    assertGapsAlign(structure.toString(), structure.layout());
  }

  private static void assertGapsAlign(String name, MemoryLayout layout) {
    if (!(layout instanceof GroupLayout group)) {
      return;
    }
    List<MemoryLayout> members = group.memberLayouts();
    for (int i = 0; i < members.size(); i++) {
      MemoryLayout member = members.get(i);
      if (member instanceof PaddingLayout && layout instanceof StructLayout) {
        boolean last = i + 1 == members.size();
        long alignment = (last ? layout : members.get(i + 1)).byteAlignment();
        assertThat(member.byteSize()).as("%s, padding %d", name, i).isLessThan(alignment);
      }
      assertGapsAlign(name + "." + member.name().orElse(String.valueOf(i)), member);
    }
  }

  /** Each setter writes its own bytes and no others, and the getter finds what it wrote. */
  @ParameterizedTest
  @MethodSource("structures")
  void settersAndGettersMeetTheirMember(Structure structure) throws Exception {
    List<String> seen = new ArrayList<>();
    for (String name : structure.members()) {
      MemoryLayout layout = structure.layout(name);
      if (layout instanceof ValueLayout value) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment memory = arena.allocate(structure.layout()).fill(UNTOUCHED);
          Object written = sample(value);
          structure
              .type()
              .getMethod(name, MemorySegment.class, value.carrier())
              .invoke(null, memory, written);
          assertOnlyChanged(memory, structure.offset(name), value.byteSize(), name);
          Object read = structure.type().getMethod(name, MemorySegment.class).invoke(null, memory);
          assertThat(plain(read)).as("%s.%s", structure, name).isEqualTo(plain(written));
        }
      } else {
        assertThat(layout).isInstanceOfAny(GroupLayout.class, SequenceLayout.class);
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment memory = arena.allocate(structure.layout()).fill(UNTOUCHED);
          MemorySegment part =
              (MemorySegment)
                  structure.type().getMethod(name, MemorySegment.class).invoke(null, memory);
          assertThat(part.byteSize()).isEqualTo(layout.byteSize());
          structure
              .type()
              .getMethod(name, MemorySegment.class, MemorySegment.class)
              .invoke(null, memory, arena.allocate(layout));
          assertOnlyChanged(memory, structure.offset(name), layout.byteSize(), name);
          assertThat(part.mismatch(arena.allocate(layout))).isEqualTo(-1);
        }
      }
      seen.add(name);
    }
    assertThat(seen).as("members of %s", structure).isNotEmpty();
  }

  private static Object sample(ValueLayout layout) {
    return switch (layout) {
      case ValueLayout.OfByte _ -> (byte) 0x81;
      case ValueLayout.OfShort _ -> (short) 0x8182;
      case ValueLayout.OfInt _ -> 0x81828384;
      case ValueLayout.OfLong _ -> 0x8182838485868788L;
      default -> MemorySegment.ofAddress(0x0102030405060708L);
    };
  }

  /** A pointer that was read has the size of what it may point to. */
  private static Object plain(Object value) {
    return value instanceof MemorySegment pointer ? pointer.address() : value;
  }

  private static void assertOnlyChanged(MemorySegment memory, long offset, long size, String name) {
    for (long i = 0; i < memory.byteSize(); i++) {
      boolean inside = i >= offset && i < offset + size;
      boolean changed = memory.get(ValueLayout.JAVA_BYTE, i) != UNTOUCHED;
      assertThat(changed).as("byte %d after setting %s", i, name).isEqualTo(inside);
    }
  }

  /** jextract before 2025-11-12 left the offset of the array out. */
  @ParameterizedTest
  @MethodSource("structures")
  void elementsOfArraysLieBehindTheArraysOffset(Structure structure) throws Exception {
    for (String name : structure.members()) {
      if (structure.layout(name) instanceof SequenceLayout array
          && array.elementLayout() instanceof ValueLayout element) {
        for (long index : new long[] {0, 2, array.elementCount() - 1}) {
          assertElement(structure, name, element, index);
        }
      }
    }
  }

  private static void assertElement(
      Structure structure, String name, ValueLayout element, long index) throws Exception {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(structure.layout()).fill(UNTOUCHED);
      Object written = sample(element);
      structure
          .type()
          .getMethod(name, MemorySegment.class, long.class, element.carrier())
          .invoke(null, memory, index, written);
      long offset = structure.offset(name) + index * element.byteSize();
      assertOnlyChanged(memory, offset, element.byteSize(), name + "[" + index + "]");
      Object read =
          structure
              .type()
              .getMethod(name, MemorySegment.class, long.class)
              .invoke(null, memory, index);
      assertThat(plain(read)).as("%s.%s[%d]", structure, name, index).isEqualTo(plain(written));
    }
  }

  /** So that the test above has what it is for. */
  @Test
  void someArraysAreNotAtTheBeginning() {
    assertThat(structures())
        .anyMatch(
            structure ->
                structure.members().stream()
                    .anyMatch(
                        name ->
                            structure.layout(name) instanceof SequenceLayout
                                && structure.offset(name) > 0));
  }

  @Test
  void elementsOfArraysAreChecked() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment gid = ibv_gid.allocate(arena);
      ibv_gid.raw(gid, 15, (byte) 7);
      assertThat(ibv_gid.raw(gid, 15)).isEqualTo((byte) 7);
      assertThat(gid.get(ValueLayout.JAVA_BYTE, 15)).isEqualTo((byte) 7);
      assertThatThrownBy(() -> ibv_gid.raw(gid, 16)).isInstanceOf(IndexOutOfBoundsException.class);
    }
  }
}
