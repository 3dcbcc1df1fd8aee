// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The functions of libclang that the generator needs, by their C names without {@code clang_}.
 * Source: {@code clang-c/Index.h} and {@code clang-c/CXString.h}, whose interface has been stable
 * since LLVM 3.
 *
 * <p>Speed does not matter here, so that calls go through {@link MethodHandle#invokeWithArguments}.
 * For one thread. Cursors and types end when this is closed.
 */
@SuppressWarnings("restricted") // Calling a native library is the purpose of this class.
final class Libclang implements AutoCloseable {
  /** {@code CXCursor}: kind, xdata, three pointers. */
  private static final MemoryLayout CURSOR =
      MemoryLayout.structLayout(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, ADDRESS);

  /** {@code CXType}: kind, two pointers. */
  private static final MemoryLayout TYPE =
      MemoryLayout.structLayout(JAVA_INT, MemoryLayout.paddingLayout(4), ADDRESS, ADDRESS);

  /** {@code CXString}: pointer, flags. */
  private static final MemoryLayout STRING =
      MemoryLayout.structLayout(ADDRESS, JAVA_INT, MemoryLayout.paddingLayout(4));

  /** {@code CXUnsavedFile}: name, contents, length. */
  private static final MemoryLayout UNSAVED_FILE =
      MemoryLayout.structLayout(ADDRESS, ADDRESS, JAVA_LONG);

  /** Debian's and Ubuntu's names by version, the one that is tested first; then those of others. */
  private static final List<String> LIBRARY_NAMES =
      List.of(
          "libclang-14.so.1",
          "libclang-15.so.1",
          "libclang-16.so.1",
          "libclang-17.so.1",
          "libclang-18.so.1",
          "libclang-19.so.1",
          "libclang-20.so.1",
          "libclang-21.so.1",
          "libclang.so.1",
          "libclang.so.13");

  private static final Set<String> TAKE_STRINGS = Set.of("getCString", "disposeString");

  /** {@code CXTranslationUnit_SkipFunctionBodies}: only declarations are of interest. */
  private static final int SKIP_FUNCTION_BODIES = 0x40;

  /** {@code CXChildVisit_Continue}. */
  private static final int VISIT_CONTINUE = 1;

  /** {@code CXDiagnostic_Error}; above it is only {@code CXDiagnostic_Fatal}. */
  private static final int SEVERITY_ERROR = 3;

  /** {@code CXDiagnostic_DisplaySourceLocation | CXDiagnostic_DisplayColumn}. */
  private static final int DISPLAY_LOCATION = 3;

  /** {@code CXEval_Int}. */
  private static final int EVALUATED_TO_INTEGER = 1;

  private final Arena arena = Arena.ofConfined();
  private final SymbolLookup library;
  private final Map<String, MethodHandle> handles = new HashMap<>();
  private final List<MemorySegment> units = new ArrayList<>();
  private final List<MemorySegment> indexes = new ArrayList<>();

  private Libclang(SymbolLookup library) {
    this.library = library;
  }

  /**
   * libclang installs handlers for SIGSEGV and its like as soon as an index is made, unless this
   * variable is set. They would catch the faults that the JVM provokes on purpose, and end it.
   */
  private static void keepSignalHandlers() {
    Linker linker = Linker.nativeLinker();
    MethodHandle setenv =
        linker.downcallHandle(
            linker.defaultLookup().findOrThrow("setenv"),
            FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocateFrom("LIBCLANG_DISABLE_CRASH_RECOVERY");
      int status = (int) setenv.invokeExact(name, arena.allocateFrom("1"), 1);
      if (status != 0) {
        throw new GeneratorException("setenv failed");
      }
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("setenv", e);
    }
  }

  /** libclang, in the first of the names it goes by; empty when the machine has none. */
  static Optional<Libclang> find() {
    keepSignalHandlers();
    for (String name : LIBRARY_NAMES) {
      try {
        return Optional.of(new Libclang(SymbolLookup.libraryLookup(name, Arena.global())));
      } catch (IllegalArgumentException absent) {
        // The next name may be there.
      }
    }
    return Optional.empty();
  }

  /** A {@code CXCursor}: a node of the syntax tree. */
  record Cursor(MemorySegment segment) {
    int kind() {
      return segment.get(JAVA_INT, 0);
    }
  }

  /** A {@code CXType}. */
  record ClangType(MemorySegment segment) {
    int kind() {
      return segment.get(JAVA_INT, 0);
    }
  }

  /**
   * Parses {@code source} as if it were a file, and returns the root of its tree.
   *
   * @throws GeneratorException with clang's messages, if there is any error
   */
  Cursor parse(String source, List<String> options) {
    MemorySegment name = arena.allocateFrom("bindings.c");
    MemorySegment contents = arena.allocateFrom(source);
    MemorySegment unsaved = arena.allocate(UNSAVED_FILE);
    unsaved.set(ADDRESS, 0, name);
    unsaved.set(ADDRESS, 8, contents);
    unsaved.set(JAVA_LONG, 16, contents.byteSize() - 1);
    MemorySegment arguments = arena.allocate(ADDRESS, options.size());
    for (int i = 0; i < options.size(); i++) {
      arguments.setAtIndex(ADDRESS, i, arena.allocateFrom(options.get(i)));
    }
    MemorySegment unit = arena.allocate(ADDRESS);
    MemorySegment index = (MemorySegment) call("createIndex", ADDRESS, 0, 0);
    indexes.add(index);
    int status =
        (int)
            call(
                "parseTranslationUnit2",
                JAVA_INT,
                index,
                name,
                arguments,
                options.size(),
                unsaved,
                1,
                SKIP_FUNCTION_BODIES,
                unit);
    if (status != 0) {
      throw new GeneratorException("clang_parseTranslationUnit2 failed with error " + status);
    }
    MemorySegment parsed = unit.get(ADDRESS, 0);
    units.add(parsed);
    refuseErrors(parsed);
    return new Cursor((MemorySegment) call("getTranslationUnitCursor", CURSOR, parsed));
  }

  private void refuseErrors(MemorySegment unit) {
    List<String> errors = new ArrayList<>();
    int count = (int) call("getNumDiagnostics", JAVA_INT, unit);
    for (int i = 0; i < count; i++) {
      MemorySegment diagnostic = (MemorySegment) call("getDiagnostic", ADDRESS, unit, i);
      if ((int) call("getDiagnosticSeverity", JAVA_INT, diagnostic) >= SEVERITY_ERROR) {
        errors.add(text(call("formatDiagnostic", STRING, diagnostic, DISPLAY_LOCATION)));
      }
    }
    if (!errors.isEmpty()) {
      throw new GeneratorException(
          "the headers or the list of symbols do not fit:\n" + String.join("\n", errors));
    }
  }

  List<Cursor> children(Cursor parent) {
    List<Cursor> found = new ArrayList<>();
    FunctionDescriptor visitor = FunctionDescriptor.of(JAVA_INT, CURSOR, CURSOR, ADDRESS);
    // A visitor's cursors end with its call.
    Visitor collect =
        (cursor, _, _) -> {
          found.add(new Cursor(arena.allocate(CURSOR).copyFrom(cursor)));
          return VISIT_CONTINUE;
        };
    try (Arena call = Arena.ofConfined()) {
      MethodHandle target =
          MethodHandles.lookup()
              .findVirtual(Visitor.class, "visit", visitor.toMethodType())
              .bindTo(collect);
      MemorySegment stub = Linker.nativeLinker().upcallStub(target, visitor, call);
      call("visitChildren", JAVA_INT, parent, stub, MemorySegment.NULL);
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
    return found;
  }

  /** {@code CXCursorVisitor}. libclang calls it, through a handle that is looked up by name. */
  @FunctionalInterface
  interface Visitor {
    int visit(MemorySegment cursor, MemorySegment parent, MemorySegment data);
  }

  String spelling(Cursor cursor) {
    return text(call("getCursorSpelling", STRING, cursor));
  }

  String spelling(ClangType type) {
    return text(call("getTypeSpelling", STRING, type));
  }

  ClangType typeOf(Cursor cursor) {
    return new ClangType((MemorySegment) call("getCursorType", TYPE, cursor));
  }

  ClangType canonical(ClangType type) {
    return new ClangType((MemorySegment) call("getCanonicalType", TYPE, type));
  }

  ClangType pointee(ClangType pointer) {
    return new ClangType((MemorySegment) call("getPointeeType", TYPE, pointer));
  }

  ClangType result(ClangType function) {
    return new ClangType((MemorySegment) call("getResultType", TYPE, function));
  }

  List<ClangType> parameters(ClangType function) {
    List<ClangType> types = new ArrayList<>();
    int count = (int) call("getNumArgTypes", JAVA_INT, function);
    for (int i = 0; i < count; i++) {
      types.add(new ClangType((MemorySegment) call("getArgType", TYPE, function, i)));
    }
    return types;
  }

  ClangType element(ClangType array) {
    return new ClangType((MemorySegment) call("getArrayElementType", TYPE, array));
  }

  long length(ClangType array) {
    return (long) call("getArraySize", JAVA_LONG, array);
  }

  Cursor declaration(ClangType type) {
    return new Cursor((MemorySegment) call("getTypeDeclaration", CURSOR, type));
  }

  /** In bytes; negative when the type is incomplete. */
  long sizeOf(ClangType type) {
    return (long) call("Type_getSizeOf", JAVA_LONG, type);
  }

  long alignOf(ClangType type) {
    return (long) call("Type_getAlignOf", JAVA_LONG, type);
  }

  /** In bits, of a member of {@code record}, or of an anonymous struct or union in it. */
  long offsetOf(ClangType record, String member) {
    return (long) call("Type_getOffsetOf", JAVA_LONG, record, arena.allocateFrom(member));
  }

  boolean isBitField(Cursor field) {
    return (int) call("Cursor_isBitField", JAVA_INT, field) != 0;
  }

  /** Whether this is a struct or union without a name, of which no member is declared either. */
  boolean isAnonymousRecord(Cursor cursor) {
    return (int) call("Cursor_isAnonymousRecordDecl", JAVA_INT, cursor) != 0;
  }

  /** Whether the members are declared here, and not only the name. */
  boolean isDefinition(Cursor record) {
    return (int) call("isCursorDefinition", JAVA_INT, record) != 0;
  }

  boolean isInline(Cursor function) {
    return (int) call("Cursor_isFunctionInlined", JAVA_INT, function) != 0;
  }

  /** The value of an initialised variable; empty if it is no integer. */
  Optional<Long> evaluate(Cursor variable) {
    MemorySegment result = (MemorySegment) call("Cursor_Evaluate", ADDRESS, variable);
    if (result.equals(MemorySegment.NULL)) {
      return Optional.empty();
    }
    boolean integer = (int) call("EvalResult_getKind", JAVA_INT, result) == EVALUATED_TO_INTEGER;
    Optional<Long> value =
        integer
            ? Optional.of((long) call("EvalResult_getAsLongLong", JAVA_LONG, result))
            : Optional.empty();
    run("EvalResult_dispose", result);
    return value;
  }

  private String text(Object string) {
    MemorySegment characters = (MemorySegment) call("getCString", ADDRESS, string);
    String text = characters.reinterpret(Long.MAX_VALUE).getString(0);
    run("disposeString", string);
    return text;
  }

  @Override
  public void close() {
    units.forEach(unit -> run("disposeTranslationUnit", unit));
    units.clear();
    indexes.forEach(index -> run("disposeIndex", index));
    indexes.clear();
    arena.close();
  }

  /** Calls {@code clang_NAME}; the arguments say what its parameters are. */
  private Object call(String name, MemoryLayout result, Object... arguments) {
    return invoke(name, FunctionDescriptor.of(result, layouts(name, arguments)), arguments);
  }

  private void run(String name, Object... arguments) {
    invoke(name, FunctionDescriptor.ofVoid(layouts(name, arguments)), arguments);
  }

  private Object invoke(String name, FunctionDescriptor descriptor, Object... arguments) {
    Object[] values = new Object[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      values[i] =
          switch (arguments[i]) {
            case Cursor(MemorySegment segment) -> segment;
            case ClangType(MemorySegment segment) -> segment;
            case Object value -> value;
          };
    }
    try {
      return handles
          .computeIfAbsent(name, key -> downcall(key, descriptor))
          .invokeWithArguments(values);
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("clang_" + name, e);
    }
  }

  private static MemoryLayout[] layouts(String function, Object... arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      layouts[i] = layoutOf(function, arguments[i]);
    }
    return layouts;
  }

  private static MemoryLayout layoutOf(String function, Object argument) {
    return switch (argument) {
      case Cursor _ -> CURSOR;
      case ClangType _ -> TYPE;
      case Integer _ -> JAVA_INT;
      case MemorySegment _ -> TAKE_STRINGS.contains(function) ? STRING : ADDRESS;
      default -> throw new IllegalArgumentException(function + ": " + argument);
    };
  }

  private MethodHandle downcall(String name, FunctionDescriptor descriptor) {
    MethodHandle handle =
        Linker.nativeLinker().downcallHandle(library.findOrThrow("clang_" + name), descriptor);
    boolean returnsStructure =
        descriptor.returnLayout().filter(GroupLayout.class::isInstance).isPresent();
    return returnsStructure ? MethodHandles.insertArguments(handle, 0, arena) : handle;
  }
}
