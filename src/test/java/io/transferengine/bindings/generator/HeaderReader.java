// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import io.transferengine.bindings.generator.CRecord.Field;
import io.transferengine.bindings.generator.Libclang.ClangType;
import io.transferengine.bindings.generator.Libclang.Cursor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Reads the declarations of the listed symbols from the headers, for one target.
 *
 * <p>Sizes and offsets are clang's own. Constants are not looked for in the tree: a variable is
 * declared for each, which clang evaluates. That makes enum constants and macros alike, and a name
 * that does not exist is an error of clang's with that name in it.
 */
final class HeaderReader {
  private static final String CONSTANT_PREFIX = "te_constant_";

  // CXCursorKind.
  private static final int STRUCT_DECL = 2;
  private static final int UNION_DECL = 3;
  private static final int FIELD_DECL = 6;
  private static final int FUNCTION_DECL = 8;
  private static final int VAR_DECL = 9;
  private static final int PARM_DECL = 10;

  // CXTypeKind.
  private static final int VOID = 2;
  private static final int BOOL = 3;
  private static final int CHAR_U = 4;
  private static final int UCHAR = 5;
  private static final int USHORT = 8;
  private static final int UINT = 9;
  private static final int ULONG = 10;
  private static final int ULONG_LONG = 11;
  private static final int CHAR_S = 13;
  private static final int SCHAR = 14;
  private static final int SHORT = 16;
  private static final int INT = 17;
  private static final int LONG = 18;
  private static final int LONG_LONG = 19;
  private static final int POINTER = 101;
  private static final int RECORD = 105;
  private static final int ENUM = 106;
  private static final int FUNCTION_NO_PROTO = 110;
  private static final int FUNCTION_PROTO = 111;
  private static final int CONSTANT_ARRAY = 112;

  private final Libclang clang;
  private final SymbolList symbols;
  private final Set<String> listed = new HashSet<>();
  private final Map<String, Cursor> functions = new HashMap<>();
  private final Map<String, Cursor> records = new HashMap<>();
  private final Map<String, Cursor> constants = new HashMap<>();

  private HeaderReader(Libclang clang, SymbolList symbols) {
    this.clang = clang;
    this.symbols = symbols;
    listed.addAll(symbols.structs());
    listed.addAll(symbols.unions());
  }

  /**
   * Parses {@code header}, which the options must make findable.
   *
   * @param options clang's, among them the target
   */
  static Declarations read(
      Libclang clang, String header, List<String> options, SymbolList symbols) {
    HeaderReader reader = new HeaderReader(clang, symbols);
    reader.index(clang.parse(source(header, symbols), options));
    return reader.declarations();
  }

  private static String source(String header, SymbolList symbols) {
    StringBuilder source = new StringBuilder("#include <" + header + ">\n");
    for (String name : symbols.constants()) {
      source.append(
          "static const __typeof__(%1$s) %2$s%1$s = %1$s;\n".formatted(name, CONSTANT_PREFIX));
    }
    return source.toString();
  }

  private void index(Cursor unit) {
    for (Cursor cursor : clang.children(unit)) {
      String name = clang.spelling(cursor);
      switch (cursor.kind()) {
        case FUNCTION_DECL -> functions.putIfAbsent(name, cursor);
        case STRUCT_DECL, UNION_DECL -> {
          if (clang.isDefinition(cursor)) {
            records.put(name, cursor);
          }
        }
        case VAR_DECL -> constants.put(name, cursor);
        default -> {}
      }
    }
  }

  private Declarations declarations() {
    List<Declarations.Constant> values = symbols.constants().stream().map(this::constant).toList();
    List<CFunction> calls = symbols.functions().stream().map(this::function).toList();
    List<CRecord> structures = new ArrayList<>();
    for (String name : symbols.structs()) {
      structures.add(listedRecord("struct", name, STRUCT_DECL));
    }
    for (String name : symbols.unions()) {
      structures.add(listedRecord("union", name, UNION_DECL));
    }
    return new Declarations(values, calls, structures);
  }

  private Declarations.Constant constant(String name) {
    Cursor variable = constants.get(CONSTANT_PREFIX + name);
    if (variable == null) {
      throw new GeneratorException("constant " + name + " was not parsed");
    }
    long value =
        clang
            .evaluate(variable)
            .orElseThrow(() -> new GeneratorException("constant " + name + " is no integer"));
    return new Declarations.Constant(name, value, clang.sizeOf(clang.typeOf(variable)) > 4);
  }

  private CFunction function(String name) {
    Cursor cursor = functions.get(name);
    if (cursor == null) {
      throw new GeneratorException("function " + name + " is not in the headers");
    }
    if (clang.isInline(cursor)) {
      throw new GeneratorException(
          "function " + name + " is inline, so that no library has it: call what it calls");
    }
    ClangType type = clang.typeOf(cursor);
    return functionType(name, cursor, clang.canonical(type), clang.spelling(type));
  }

  private CFunction functionType(String name, Cursor declaration, ClangType type, String spelling) {
    List<String> names =
        clang.children(declaration).stream()
            .filter(child -> child.kind() == PARM_DECL)
            .map(clang::spelling)
            .toList();
    List<ClangType> types = clang.parameters(type);
    List<CFunction.Parameter> parameters = new ArrayList<>();
    for (int i = 0; i < types.size(); i++) {
      String given = i < names.size() ? names.get(i) : "";
      String used = given.isEmpty() ? "x" + i : given;
      parameters.add(new CFunction.Parameter(used, argument(name, clang.canonical(types.get(i)))));
    }
    ClangType result = clang.canonical(clang.result(type));
    return new CFunction(
        name,
        spelling,
        result.kind() == VOID ? Optional.empty() : Optional.of(passed(name, result)),
        parameters);
  }

  /** A listed struct may be passed by value, to a function only. */
  private CType argument(String function, ClangType type) {
    if (type.kind() == RECORD) {
      String record = clang.spelling(clang.declaration(type));
      if (listed.contains(record)) {
        return new CType.Inline(record(record, clang.declaration(type)));
      }
    }
    return passed(function, type);
  }

  private CType.Scalar passed(String function, ClangType type) {
    return scalar(type)
        .orElseThrow(
            () ->
                new GeneratorException(
                    "%s passes a %s by value, which the generator cannot write"
                        .formatted(function, clang.spelling(type))));
  }

  private static Optional<CType.Scalar> scalar(ClangType type) {
    return switch (type.kind()) {
      case BOOL, CHAR_U, UCHAR, CHAR_S, SCHAR -> Optional.of(CType.Scalar.C_CHAR);
      case SHORT, USHORT -> Optional.of(CType.Scalar.C_SHORT);
      case INT, UINT, ENUM -> Optional.of(CType.Scalar.C_INT);
      case LONG, ULONG -> Optional.of(CType.Scalar.C_LONG);
      case LONG_LONG, ULONG_LONG -> Optional.of(CType.Scalar.C_LONG_LONG);
      case POINTER -> Optional.of(CType.Scalar.C_POINTER);
      default -> Optional.empty();
    };
  }

  private CRecord listedRecord(String keyword, String name, int kind) {
    Cursor cursor = records.get(name);
    if (cursor == null || cursor.kind() != kind) {
      throw new GeneratorException(
          "%s %s is not in the headers, or has no members there".formatted(keyword, name));
    }
    return record(name, cursor);
  }

  private CRecord record(String name, Cursor cursor) {
    ClangType type = clang.typeOf(cursor);
    List<Field> fields = new ArrayList<>();
    List<String> skipped = new ArrayList<>();
    for (Cursor child : clang.children(cursor)) {
      if (child.kind() == FIELD_DECL) {
        if (clang.isBitField(child)) {
          skipped.add(text(child) + ": a bit field");
        } else {
          fields.add(field(type, child));
        }
      } else if (clang.isAnonymousRecord(child)) {
        fields.add(anonymous(type, child));
      }
    }
    return new CRecord(
        cursor.kind() == UNION_DECL,
        name,
        clang.sizeOf(type),
        clang.alignOf(type),
        fields,
        skipped,
        true);
  }

  private String text(Cursor field) {
    return clang.spelling(clang.typeOf(field)) + " " + clang.spelling(field);
  }

  private Field field(ClangType record, Cursor cursor) {
    String name = clang.spelling(cursor);
    ClangType declared = clang.typeOf(cursor);
    ClangType type = clang.canonical(declared);
    Optional<CFunction> function = Optional.empty();
    if (type.kind() == POINTER) {
      ClangType target = clang.canonical(clang.pointee(type));
      if (target.kind() == FUNCTION_PROTO || target.kind() == FUNCTION_NO_PROTO) {
        String spelling = clang.spelling(clang.pointee(declared));
        function = Optional.of(functionType(name, cursor, target, spelling));
      }
    }
    return new Field(
        name, spelling(declared), offset(record, name), fieldType(name, type), function);
  }

  /** An unnamed type's spelling has the place of its declaration in it. */
  private String spelling(ClangType type) {
    String spelling = clang.spelling(type);
    if (!spelling.contains("(")) {
      return spelling;
    }
    return spelling.contains("(*)") ? spelling : spelling.replaceAll("[ (].*", "");
  }

  private long offset(ClangType record, String member) {
    long bits = clang.offsetOf(record, member);
    if (bits < 0 || bits % 8 != 0) {
      throw new GeneratorException("%s: no offset, but %d".formatted(member, bits));
    }
    return bits / 8;
  }

  private CType fieldType(String name, ClangType type) {
    Optional<CType.Scalar> scalar = scalar(type);
    if (scalar.isPresent()) {
      return scalar.get();
    }
    if (type.kind() == CONSTANT_ARRAY) {
      ClangType element = clang.canonical(clang.element(type));
      CType.Scalar value =
          scalar(element)
              .orElseThrow(() -> new GeneratorException(name + ": an array of no scalars"));
      return new CType.Array(value, clang.length(type));
    }
    if (type.kind() != RECORD) {
      throw new GeneratorException(name + ": " + clang.spelling(type) + " is not supported");
    }
    Cursor declaration = clang.declaration(type);
    String record = clang.spelling(declaration);
    long size = clang.sizeOf(type);
    long alignment = clang.alignOf(type);
    if (listed.contains(record)) {
      return new CType.Named(record, size, alignment);
    }
    // Instead of a name there is the place: "union ibv_send_wr::(unnamed at FILE:LINE:COLUMN)".
    return clang.spelling(type).contains("(")
        ? new CType.Inline(record("", declaration))
        : new CType.Unlisted(clang.spelling(type), size, alignment);
  }

  private Field anonymous(ClangType outer, Cursor cursor) {
    CRecord record = record("", cursor);
    Field first = firstNamed(record);
    long offset = offset(outer, first.name()) - offset(clang.typeOf(cursor), first.name());
    return new Field(
        "",
        record.union() ? "union" : "struct",
        offset,
        new CType.Inline(record),
        Optional.empty());
  }

  private static Field firstNamed(CRecord record) {
    for (Field field : record.fields()) {
      if (!field.name().isEmpty()) {
        return field;
      }
      if (field.type() instanceof CType.Inline(CRecord inner)) {
        return firstNamed(inner);
      }
    }
    throw new GeneratorException("an anonymous struct or union without a named member");
  }
}
