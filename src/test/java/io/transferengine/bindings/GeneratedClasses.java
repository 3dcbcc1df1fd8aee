// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings;

import io.transferengine.bindings.generator.BindingsGenerator;
import io.transferengine.bindings.generator.Library;
import io.transferengine.bindings.generator.SymbolList;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemoryLayout;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The generated classes, by reflection, beside the C names of what they stand for. */
final class GeneratedClasses {
  private static final String OFFSET = "$offset";

  private GeneratedClasses() {}

  static SymbolList symbols() {
    return symbols(BindingsGenerator.VERBS);
  }

  static SymbolList symbols(Library library) {
    try {
      return SymbolList.read(Path.of("native-headers").resolve(library.symbols()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * A class for a struct or union, nested ones included.
   *
   * @param c the listed type in C, such as {@code struct ibv_send_wr}
   * @param path the member that this class is of, such as {@code wr.rdma}; empty for the type
   *     itself
   * @param base where that member begins
   */
  record Structure(Class<?> type, String c, String path, long base) {
    MemoryLayout layout() {
      return (MemoryLayout) call(type, "layout");
    }

    /** Whether the class covers the whole of the type. */
    boolean complete() {
      return Arrays.stream(type.getMethods()).anyMatch(m -> m.getName().equals("sizeof"));
    }

    /** Names of the members, in C. */
    List<String> members() {
      return Arrays.stream(type.getDeclaredMethods())
          .map(Method::getName)
          .filter(name -> name.endsWith(OFFSET))
          .map(name -> name.substring(0, name.length() - OFFSET.length()))
          .sorted()
          .toList();
    }

    long offset(String member) {
      return (long) call(type, member + OFFSET);
    }

    MemoryLayout layout(String member) {
      return (MemoryLayout) call(type, member + "$layout");
    }

    /** A member's name from the listed type on. */
    String path(String member) {
      return path.isEmpty() ? member : path + "." + member;
    }

    @Override
    public String toString() {
      return path.isEmpty() ? c : c + "." + path;
    }
  }

  /** All classes for structs and unions. */
  static List<Structure> structures() {
    return Stream.of(BindingsGenerator.VERBS, BindingsGenerator.CUDA)
        .flatMap(library -> structures(library).stream())
        .toList();
  }

  /** Those of one library. */
  static List<Structure> structures(Library library) {
    SymbolList symbols = symbols(library);
    List<Structure> found = new ArrayList<>();
    symbols.structs().forEach(name -> addWithNested(found, top("struct", name)));
    symbols.unions().forEach(name -> addWithNested(found, top("union", name)));
    return found;
  }

  private static Structure top(String keyword, String name) {
    return new Structure(classOf(name), keyword + " " + name, "", 0);
  }

  private static void addWithNested(List<Structure> found, Structure structure) {
    found.add(structure);
    Stream.of(structure.type().getDeclaredClasses())
        .filter(type -> Arrays.stream(type.getMethods()).anyMatch(GeneratedClasses::isLayout))
        .sorted(Comparator.comparing(Class::getName))
        .forEach(
            type -> {
              String member = type.getSimpleName();
              addWithNested(
                  found,
                  new Structure(
                      type,
                      structure.c(),
                      structure.path(member),
                      structure.base() + structure.offset(member)));
            });
  }

  private static boolean isLayout(Method method) {
    return method.getName().equals("layout") && method.getParameterCount() == 0;
  }

  private static Class<?> classOf(String name) {
    try {
      return Class.forName("io.transferengine.bindings." + name);
    } catch (ClassNotFoundException e) {
      throw new LinkageError(name + " is on the list, and has no class", e);
    }
  }

  /** The value of a constant. */
  static long constant(String name) {
    return constant(Ibv.class, name);
  }

  /** The value of a constant of one of the classes. */
  static long constant(Class<?> type, String name) {
    return ((Number) call(type, name)).longValue();
  }

  /** Calls a static method without parameters. */
  static Object call(Class<?> type, String method) {
    try {
      return type.getMethod(method).invoke(null);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(type + "." + method, e);
    }
  }
}
