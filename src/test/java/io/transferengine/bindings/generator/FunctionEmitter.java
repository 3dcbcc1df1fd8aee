// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import io.transferengine.bindings.generator.CFunction.Parameter;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Writes calls: of exported functions, and through pointers to functions. */
final class FunctionEmitter {
  private FunctionEmitter() {}

  /** Members of the header class for one exported function. */
  static void function(SourceText out, CFunction function) {
    String name = function.name();
    out.blank();
    out.add("private static final class %s {".formatted(name));
    out.add("static final FunctionDescriptor DESC = %s;".formatted(descriptor(function)));
    out.blank();
    out.add(
        """
        /** What needs the library. */
        static final class Symbol {
        static final MemorySegment ADDR = Library.find("%1$s");
        static final MethodHandle HANDLE = Linker.nativeLinker().downcallHandle(ADDR, DESC);
        }
        }

        /** Descriptor of {@code %1$s}, which does not need the library. */
        public static FunctionDescriptor %1$s$descriptor() {
        return %1$s.DESC;
        }

        /** Downcall handle of {@code %1$s}. */
        public static MethodHandle %1$s$handle() {
        return %1$s.Symbol.HANDLE;
        }

        /** Address of {@code %1$s}. */
        public static MemorySegment %1$s$address() {
        return %1$s.Symbol.ADDR;
        }

        /** Calls %2$s. */
        public static %3$s %1$s(%4$s) {
        """
            .formatted(
                name,
                Names.code(declaration(function)),
                resultType(function),
                parameters(function.parameters())));
    invocation(out, function, name + ".Symbol.HANDLE", names(function.parameters()));
    out.add("}");
  }

  /** The nested class for a member that points to a function. */
  static void pointer(SourceText out, String className, CFunction function) {
    List<Parameter> parameters = function.parameters();
    out.blank();
    out.add(
        """
        /** The function that {@code %1$s} points to: %2$s. */
        public static final class %1$s {
        private %1$s() {}

        /** What C calls, if it is made of Java. */
        @FunctionalInterface
        public interface Function {
        %3$s apply(%4$s);
        }

        private static final FunctionDescriptor $DESC = %5$s;

        /** The descriptor of the function. */
        public static FunctionDescriptor descriptor() {
        return $DESC;
        }

        /** A function pointer to {@code fi}, valid as long as {@code arena} is. */
        public static MemorySegment allocate(Function fi, Arena arena) {
        return Linker.nativeLinker().upcallStub(Up.HANDLE.bindTo(fi), $DESC, arena);
        }

        private static final class Up {
        static final MethodHandle HANDLE = HEADER_CLASS.upcallHandle(Function.class, "apply", $DESC);
        }

        private static final class Down {
        static final MethodHandle HANDLE = Linker.nativeLinker().downcallHandle($DESC);
        }

        /** Calls the function at {@code funcPtr}. */
        public static %3$s invoke(%6$s) {
        """
            .formatted(
                className,
                Names.code(function.spelling()),
                resultType(function),
                parameters(parameters),
                descriptor(function),
                Stream.concat(
                        Stream.of("MemorySegment funcPtr"),
                        parameters.stream().map(FunctionEmitter::typed))
                    .collect(Collectors.joining(", "))));
    List<String> arguments = new ArrayList<>(List.of("funcPtr"));
    arguments.addAll(names(parameters));
    invocation(out, function, "Down.HANDLE", arguments);
    out.add("}\n}");
  }

  private static void invocation(
      SourceText out, CFunction function, String handle, List<String> arguments) {
    String cast = function.result().map(type -> "return (" + type.carrier() + ") ").orElse("");
    out.add(
        """
        try {
        %s%s.invokeExact(%s);
        } catch (Error | RuntimeException ex) {
        throw ex;
        } catch (Throwable ex) {
        throw new AssertionError("should not reach here", ex);
        }
        """
            .formatted(cast, handle, String.join(", ", arguments)));
  }

  /** The C declaration, from the type's spelling: {@code int (int)} becomes {@code int f(int)}. */
  private static String declaration(CFunction function) {
    return function.spelling().replaceFirst(" ?\\(", " " + function.name() + "(");
  }

  private static String descriptor(CFunction function) {
    List<String> layouts = new ArrayList<>();
    function.result().ifPresent(type -> layouts.add(Names.HEADER_CLASS + "." + type));
    function.parameters().forEach(p -> layouts.add(layout(p.type())));
    String factory = function.result().isPresent() ? "of" : "ofVoid";
    return "FunctionDescriptor.%s(%s)".formatted(factory, String.join(", ", layouts));
  }

  private static String layout(CType passed) {
    // Written out: the struct's own class uses this one.
    return passed instanceof CType.Inline(CRecord record)
        ? LayoutText.of(record)
        : Names.HEADER_CLASS + "." + passed;
  }

  private static String resultType(CFunction function) {
    return function.result().map(CType.Scalar::carrier).orElse("void");
  }

  private static String parameters(List<Parameter> parameters) {
    return parameters.stream().map(FunctionEmitter::typed).collect(Collectors.joining(", "));
  }

  private static String typed(Parameter parameter) {
    String carrier =
        parameter.type() instanceof CType.Scalar scalar ? scalar.carrier() : "MemorySegment";
    return carrier + " " + Names.identifier(parameter.name());
  }

  private static List<String> names(List<Parameter> parameters) {
    return parameters.stream().map(parameter -> Names.identifier(parameter.name())).toList();
  }
}
