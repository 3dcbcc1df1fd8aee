// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.generator.BindingsGenerator;
import io.transferengine.testkit.Needs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The generator of package {@code bindings}: that what is committed came from it, and its rules.
 */
@Timeout(120)
class BindingsGeneratorTest {
  private static final Path HEADERS = Path.of("native-headers");
  private static final Path COMMITTED = Path.of("src/main/generated/io/transferengine/bindings");

  @TempDir Path headers;

  private static Map<String, String> generated = Map.of();

  @BeforeAll
  static void generateFromPinnedHeaders() throws IOException {
    Optional<Map<String, String>> sources = BindingsGenerator.generate(HEADERS);
    Needs.that(sources.isPresent(), "no libclang: install the package libclang1-14");
    generated = sources.orElseThrow();
  }

  /** Generates from a header and a list of a test's own. */
  private Map<String, String> generate(String header, String... symbols) throws IOException {
    Files.createDirectories(headers.resolve("infiniband"));
    Files.writeString(headers.resolve("infiniband/verbs.h"), header);
    Files.write(headers.resolve("includes.txt"), List.of(symbols));
    return BindingsGenerator.generate(headers, BindingsGenerator.VERBS).orElseThrow();
  }

  @Test
  void committedSourcesAreWhatTheHeadersGive() throws IOException {
    Map<String, String> committed = new TreeMap<>();
    try (Stream<Path> files = Files.list(COMMITTED)) {
      for (Path file : files.toList()) {
        committed.put(String.valueOf(file.getFileName()), Files.readString(file));
      }
    }

    assertThat(committed.keySet())
        .as("files; if the headers or the list have changed, run ./te bindings")
        .isEqualTo(generated.keySet());
    committed.forEach(
        (name, text) ->
            assertThat(text)
                .as("%s; if the headers or the list have changed, run ./te bindings", name)
                .isEqualTo(generated.get(name)));
  }

  @Test
  void placesOfDeclarationsAreNotInTheOutput() {
    assertThat(generated.values())
        .allSatisfy(text -> assertThat(text).doesNotContain("verbs.h", "unnamed", "anonymous at"));
  }

  @Test
  void bitFieldsAreLeftOutAndKeepTheirRoom() throws IOException {
    String text =
        generate("struct s { int a; int b : 3; int c; };", "--include-struct s").get("s.java");

    assertThat(text)
        .contains("// Left out: int b: a bit field.")
        .contains("c$OFFSET = 8")
        .contains("MemoryLayout.paddingLayout(4)")
        .doesNotContain("b$OFFSET");
  }

  @Test
  void wordsOfJavaGetAnUnderscore() throws IOException {
    assertThat(generate("struct s { int final; };", "--include-struct s").get("s.java"))
        .contains("public static int final_(MemorySegment struct)")
        .contains("groupElement(\"final\")");
  }

  @Test
  void whatProcessorsLayOutDifferentlyIsCutOff() throws IOException {
    String text =
        generate(
                """
                #ifdef __aarch64__
                typedef struct { char size[48]; } lock;
                #else
                typedef struct { char size[40]; } lock;
                #endif
                struct s { int a; long b; lock c; int d; };
                """,
                "--include-struct s")
            .get("s.java");

    assertThat(text)
        .contains("16 bytes")
        .contains("b$OFFSET = 8")
        .contains("// Left out: lock c: elsewhere")
        .contains("// Left out: int d: elsewhere")
        .doesNotContain("c$OFFSET", "d$OFFSET", "sizeof", " allocate(");
  }

  @Test
  void constantsOfEightBytesAreLongs() throws IOException {
    assertThat(
            generate(
                    "#define A (1L << 40)\nenum { B = -2 };",
                    "--include-constant A",
                    "--include-constant B")
                .get("Ibv.java"))
        .containsPattern("public static long A\\(\\) \\{\\s+return 1099511627776L;")
        .containsPattern("public static int B\\(\\) \\{\\s+return -2;");
  }

  @Test
  void whatCannotBeWrittenIsNamed() {
    assertFails("static inline int f(void) { return 1; }", "--include-function f", "f is inline");
    assertFails("int g(void);", "--include-function f", "function f is not in the headers");
    assertFails("struct t { int a; }; struct t f(void);", "--include-function f", "by value");
    assertFails("struct t { int a; }; void f(struct t x);", "--include-function f", "by value");
    assertFails(
        "struct t { int a; }; struct s { struct t b; };", "--include-struct s", "b needs struct t");
    assertFails("struct s;", "--include-struct s", "struct s is not in the headers, or has no");
    assertFails("union s { int a; };", "--include-struct s", "struct s is not in the headers");
    assertFails(
        "struct s { char a; int b; } __attribute__((packed));",
        "--include-struct s",
        "s.b is packed at 1");
    assertFails("struct s { float a; };", "--include-struct s", "a: float is not supported");
    assertFails("int a;", "--include-constant C", "use of undeclared identifier 'C'");
    assertFails("#define C 1.5", "--include-constant C", "C is no integer");
    assertFails("#error no", "--include-constant C", "no");
  }

  private void assertFails(String header, String symbol, String message) {
    assertThatThrownBy(() -> generate(header, symbol)).as(header).hasMessageContaining(message);
  }

  @Test
  void listHasOnePlaceForEachSymbol() {
    assertThatThrownBy(() -> generate("", "--include-struct b", "--include-struct a"))
        .hasMessageContaining("'--include-struct a' must come before '--include-struct b'");
    assertThatThrownBy(() -> generate("", "--include-struct a", "--include-struct a"))
        .hasMessageContaining("once");
    assertThatThrownBy(() -> generate("", "--include-typedef a"))
        .hasMessageContaining("'--include-typedef' is unknown");
    assertThatThrownBy(() -> generate("", "a")).hasMessageContaining("is not '--include-KIND");
  }
}
