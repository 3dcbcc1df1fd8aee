// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Generates package {@code bindings} from the headers in {@code native-headers}: reads them by
 * {@link HeaderReader} once for each processor, keeps what {@link TargetMerge} finds in common, and
 * writes a class for each struct and union ({@link RecordEmitter}) and one for functions and
 * constants ({@link HeaderEmitter}). Needs libclang and nothing but the JDK besides, so that {@code
 * ./te bindings} can run it from source. The same input gives the same output, on every machine.
 */
public final class BindingsGenerator {
  /** The C library of the verbs. */
  public static final Library VERBS =
      new Library(
          "Ibv",
          "libibverbs",
          "libibverbs.so.1",
          "install the package libibverbs1",
          "includes.txt",
          "infiniband/verbs.h");

  /** The driver of NVIDIA's devices. */
  public static final Library CUDA =
      new Library(
          "Cuda",
          "libcuda",
          "libcuda.so.1",
          "it comes with NVIDIA's driver",
          "cuda/includes.txt",
          "cuda/driver.h");

  private static final String FIRST_TARGET = "x86_64-linux-gnu";
  private static final String OTHER_TARGET = "aarch64-linux-gnu";

  private static final List<String> IMPORTS =
      List.of(
          "import static java.lang.foreign.MemoryLayout.PathElement.groupElement;",
          "import java.lang.foreign.AddressLayout;",
          "import java.lang.foreign.Arena;",
          "import java.lang.foreign.FunctionDescriptor;",
          "import java.lang.foreign.GroupLayout;",
          "import java.lang.foreign.Linker;",
          "import java.lang.foreign.MemoryLayout;",
          "import java.lang.foreign.MemorySegment;",
          "import java.lang.foreign.SegmentAllocator;",
          "import java.lang.foreign.SequenceLayout;",
          "import java.lang.foreign.SymbolLookup;",
          "import java.lang.foreign.ValueLayout;",
          "import java.lang.foreign.ValueLayout.OfByte;",
          "import java.lang.foreign.ValueLayout.OfInt;",
          "import java.lang.foreign.ValueLayout.OfLong;",
          "import java.lang.foreign.ValueLayout.OfShort;",
          "import java.lang.invoke.MethodHandle;",
          "import java.lang.invoke.MethodHandles;",
          "import java.util.NoSuchElementException;",
          "import java.util.Objects;",
          "import java.util.function.Consumer;",
          "import org.jspecify.annotations.Nullable;");

  private BindingsGenerator() {}

  /**
   * {@code BindingsGenerator HEADERS OUT}: generates from the directory HEADERS into the source
   * root OUT, and deletes generated classes there that are no longer. Exit status 1 when it cannot,
   * 2 for wrong arguments, 3 when the machine has no libclang.
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 2) {
      System.err.println("Usage: BindingsGenerator HEADERS OUT");
      System.exit(2);
    }
    try {
      Optional<Map<String, String>> generated = generate(Path.of(arguments[0]));
      if (generated.isEmpty()) {
        System.err.println("no libclang: install the package libclang1-14");
        System.exit(3);
      }
      write(generated.get(), Path.of(arguments[1]));
    } catch (GeneratorException e) {
      System.err.println(e.getMessage());
      System.exit(1);
    }
  }

  /**
   * The sources by file name; empty when the machine has no libclang.
   *
   * @throws GeneratorException naming the symbol or the text that is at fault
   */
  public static Optional<Map<String, String>> generate(Path headers) throws IOException {
    Map<String, String> sources = new TreeMap<>();
    for (Library library : List.of(VERBS, CUDA)) {
      Optional<Map<String, String>> generated = generate(headers, library);
      if (generated.isEmpty()) {
        return generated;
      }
      sources.putAll(generated.get());
    }
    return Optional.of(sources);
  }

  /** The same for one library. */
  public static Optional<Map<String, String>> generate(Path headers, Library library)
      throws IOException {
    SymbolList symbols = SymbolList.read(headers.resolve(library.symbols()));
    Optional<Libclang> found = Libclang.find();
    if (found.isEmpty()) {
      return Optional.empty();
    }
    try (Libclang clang = found.get()) {
      Declarations first =
          HeaderReader.read(clang, library.header(), options(headers, FIRST_TARGET), symbols);
      Declarations other =
          HeaderReader.read(clang, library.header(), options(headers, OTHER_TARGET), symbols);
      return Optional.of(sources(TargetMerge.merge(first, other, OTHER_TARGET), library));
    }
  }

  /** Nothing of this machine's headers takes part. */
  private static List<String> options(Path headers, String target) {
    return List.of(
        "--target=" + target,
        "-std=gnu11",
        "-nostdinc",
        "-I" + headers,
        "-I" + headers.resolve("libc"));
  }

  private static Map<String, String> sources(Declarations declarations, Library library) {
    Map<String, String> sources = new TreeMap<>();
    SourceText functions = new SourceText();
    HeaderEmitter.add(functions, declarations, library);
    sources.put(library.className() + ".java", file(functions, library));
    for (CRecord record : declarations.records()) {
      SourceText text = new SourceText();
      RecordEmitter.topLevel(text, record);
      sources.put(record.name() + ".java", file(text, library));
    }
    return sources;
  }

  /** With the imports that the class uses. */
  private static String file(SourceText text, Library library) {
    String body = text.toString().replace(Names.HEADER_CLASS, library.className());
    List<String> used =
        IMPORTS.stream()
            .filter(line -> body.matches("(?s).*\\b" + line.replaceAll(".*\\.|;", "") + "\\b.*"))
            .toList();
    List<String> blocks =
        Stream.of(true, false)
            .map(isStatic -> used.stream().filter(line -> line.contains(" static ") == isStatic))
            .map(lines -> String.join("\n", lines.toList()))
            .filter(block -> !block.isEmpty())
            .toList();
    return """
        // SPDX-License-Identifier: Apache-2.0
        // generated by ./te bindings from native-headers; do not edit
        package %s;

        %s

        %s"""
        .formatted(Names.PACKAGE, String.join("\n\n", blocks), body);
  }

  private static void write(Map<String, String> sources, Path root) throws IOException {
    Path directory = root.resolve(Names.PACKAGE.replace('.', '/'));
    Files.createDirectories(directory);
    try (Stream<Path> present = Files.list(directory)) {
      for (Path file : present.toList()) {
        if (!sources.containsKey(file.getFileName().toString())) {
          Files.delete(file);
        }
      }
    }
    for (Map.Entry<String, String> source : sources.entrySet()) {
      Files.writeString(directory.resolve(source.getKey()), source.getValue());
    }
  }
}
