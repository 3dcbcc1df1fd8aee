// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.generator.BindingsGenerator;
import io.transferengine.bindings.generator.SymbolList;
import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The bindings of CUDA's driver against NVIDIA's own header and stub of the library, on a machine
 * that has CUDA's toolkit. Our declarations are written by hand, so that all of them are compared.
 */
@Timeout(120)
class CudaBindingsTest {
  private static final Path TOOLKIT = Path.of("/usr/local/cuda");
  private static final Path HEADER = TOOLKIT.resolve("include/cuda.h");
  private static final Path STUB = TOOLKIT.resolve("lib64/stubs/libcuda.so");
  private static final SymbolList SYMBOLS = GeneratedClasses.symbols(BindingsGenerator.CUDA);

  /** No package of the distribution has it, so that it is not asked of the build's machines. */
  private static void needToolkit(Path file) {
    Needs.ofMachine(Files.exists(file), "no " + file + ": it comes with NVIDIA's CUDA toolkit 13");
  }

  @Test
  void gccAgrees(@TempDir Path directory) throws Exception {
    needToolkit(HEADER);
    LayoutProgram program = new LayoutProgram(BindingsGenerator.CUDA, Cuda.class);
    assertThat(program.expected()).hasSizeGreaterThan(50);

    assertThat(program.run(directory, prelude(prototypes()), "-I" + HEADER.getParent()))
        .containsExactlyEntriesOf(program.expected());
  }

  /** That the test above can fail: gcc takes no declaration that is another than the header's. */
  @Test
  void otherDeclarationsConflict(@TempDir Path directory) throws Exception {
    needToolkit(HEADER);
    LayoutProgram program = new LayoutProgram(BindingsGenerator.CUDA, Cuda.class);
    String wrong = prototypes().replace("cuMemFree_v2(CUdeviceptr ", "cuMemFree_v2(unsigned int ");

    assertThatThrownBy(() -> program.run(directory, prelude(wrong), "-I" + HEADER.getParent()))
        .hasMessageContaining("conflicting types")
        .hasMessageContaining("cuMemFree_v2");
  }

  /** Each function must be there already when our declaration of it comes. */
  private static String prelude(String prototypes) {
    StringBuilder text = new StringBuilder("#include <cuda.h>\n");
    for (String name : SYMBOLS.functions()) {
      text.append("_Static_assert(sizeof(&%s) == 8, \"a pointer\");\n".formatted(name));
    }
    return text.append(prototypes).append('\n').toString();
  }

  private static String prototypes() throws IOException {
    String ours = Files.readString(Path.of("native-headers/cuda/driver.h"));
    String found = ours.substring(ours.indexOf("CUresult cuInit("));
    assertThat(SYMBOLS.functions()).allSatisfy(name -> assertThat(found).contains(name + "("));
    return found;
  }

  @Test
  @SuppressWarnings("restricted") // NVIDIA's stub has the names, and does nothing.
  void libraryHasEachFunction() {
    needToolkit(STUB);
    try (Arena arena = Arena.ofConfined()) {
      SymbolLookup library = SymbolLookup.libraryLookup(STUB, arena);
      assertThat(SYMBOLS.functions())
          .hasSizeGreaterThan(20)
          .allSatisfy(name -> assertThat(library.find(name)).as(name).isPresent());
    }
  }

  /** Names, types and numbers are facts; comments and texts of the header would be NVIDIA's. */
  @Test
  void declarationsAreOurOwn() throws IOException {
    needToolkit(HEADER);
    List<String> theirs;
    try (Stream<String> lines = Files.lines(HEADER)) {
      theirs = lines.map(String::strip).filter(line -> line.contains("*/")).toList();
    }
    assertThat(theirs).hasSizeGreaterThan(100);
    assertThat(Files.readAllLines(Path.of("native-headers/cuda/driver.h")))
        .noneMatch(line -> theirs.contains(line.strip()));
  }
}
