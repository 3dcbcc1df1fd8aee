// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

/** Writes the class of functions and constants. */
final class HeaderEmitter {
  private HeaderEmitter() {}

  static void add(SourceText out, Declarations declarations, Library library) {
    out.add(
        """
        /**
        * Functions and constants of %2$s. Layouts, constants and function descriptors are
        * there without the library; a function's handle, address and call look for {@code %1$s}
        * when the first of them is used.
        */
        @SuppressWarnings("restricted")
        public final class HEADER_CLASS {
        private HEADER_CLASS() {}

        public static final OfByte C_CHAR = ValueLayout.JAVA_BYTE;
        public static final OfShort C_SHORT = ValueLayout.JAVA_SHORT;
        public static final OfInt C_INT = ValueLayout.JAVA_INT;
        public static final OfLong C_LONG = ValueLayout.JAVA_LONG;
        public static final OfLong C_LONG_LONG = ValueLayout.JAVA_LONG;

        /** A pointer, to memory of unknown size. */
        public static final AddressLayout C_POINTER = ValueLayout.ADDRESS.withTargetLayout(
        MemoryLayout.sequenceLayout(Long.MAX_VALUE, ValueLayout.JAVA_BYTE)
        );

        static MethodHandle upcallHandle(Class<?> type, String name, FunctionDescriptor descriptor) {
        try {
        return MethodHandles.lookup().findVirtual(type, name, descriptor.toMethodType());
        } catch (ReflectiveOperationException e) {
        throw new AssertionError(e);
        }
        }

        /** Initialised by the first use of a function. The library stays loaded. */
        private static final class Library {
        static MemorySegment find(String name) {
        try {
        return SymbolLookup.libraryLookup("%1$s", Arena.global()).findOrThrow(name);
        } catch (IllegalArgumentException | NoSuchElementException e) {
        UnsatisfiedLinkError error = new UnsatisfiedLinkError(
        name + " of %1$s not found (" + e.getMessage() + "): %3$s"
        );
        error.initCause(e);
        throw error;
        }
        }
        }
        """
            .formatted(library.soname(), library.name(), library.remedy()));
    for (Declarations.Constant constant : declarations.constants()) {
      constant(out, constant);
    }
    for (CFunction function : declarations.functions()) {
      FunctionEmitter.function(out, function);
    }
    out.add("}");
  }

  private static void constant(SourceText out, Declarations.Constant constant) {
    out.blank();
    out.add(
        """
        /** {@code %1$s}. */
        public static %2$s %1$s() {
        return %3$s;
        }
        """
            .formatted(
                constant.name(),
                constant.wide() ? "long" : "int",
                constant.wide() ? constant.value() + "L" : String.valueOf((int) constant.value())));
  }
}
