// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.certs.CertificateFiles;
import io.transferengine.os.Platform;
import io.transferengine.testkit.Needs;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.StringWriter;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.StandardJavaFileManager;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The recipes of {@code docs/COOKBOOK.md} are programs that compile, and print what stands below
 * them. They run in this process, so that all of them take a few seconds.
 */
@Timeout(120)
class CookbookTest {
  private static final Path PAGE = Path.of("docs", "COOKBOOK.md");

  private static final Pattern RECIPE =
      Pattern.compile(
          "\\n## (\\d+)\\. ([^\\n]*)\\n(?:(?!\\n## )[\\s\\S])*?"
              + "```java\\n(.*?)```\\n\\n```text\\n(.*?)```",
          Pattern.DOTALL);

  /** What differs each time, on one line. */
  private static final String ANYTHING = "…";

  @TempDir private static Path folder = Path.of("");

  private static URLClassLoader programs = new URLClassLoader(new URL[0]);

  record Recipe(String number, String title, String source, String output) {
    String className() {
      return "Recipe" + number;
    }

    @Override
    public String toString() {
      return number + ". " + title;
    }
  }

  static List<Recipe> recipes() throws IOException {
    return RECIPE
        .matcher(Files.readString(PAGE))
        .results()
        .map((MatchResult it) -> new Recipe(it.group(1), it.group(2), it.group(3), it.group(4)))
        .toList();
  }

  /** One call of the compiler for all: it takes longer to start than to compile them. */
  @BeforeAll
  static void compile() throws IOException {
    List<Path> sources = new ArrayList<>();
    for (Recipe recipe : recipes()) {
      Path file = folder.resolve(recipe.className() + ".java");
      sources.add(Files.writeString(file, recipe.source()));
    }
    Path classes = Files.createDirectories(folder.resolve("classes"));
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    StringWriter complaints = new StringWriter();
    try (StandardJavaFileManager files =
        compiler.getStandardFileManager(null, null, StandardCharsets.UTF_8)) {
      boolean compiled =
          compiler
              .getTask(
                  complaints,
                  files,
                  null,
                  List.of(
                      "-d",
                      classes.toString(),
                      "-cp",
                      System.getProperty("java.class.path"),
                      "--release",
                      "25",
                      "-proc:none"),
                  null,
                  files.getJavaFileObjectsFromPaths(sources))
              .call();
      assertThat(compiled).as(complaints.toString()).isTrue();
    }
    programs =
        new URLClassLoader(
            new URL[] {classes.toUri().toURL()}, CookbookTest.class.getClassLoader());
    new CertificateFiles(folder.resolve("certs"))
        .make(Path.of(System.getProperty("java.home")), List.of("localhost", "127.0.0.1"));
  }

  @AfterAll
  static void close() throws IOException {
    programs.close();
  }

  @Test
  void everyHeadingIsARecipeAndTheyAreCounted() throws IOException {
    List<String> headings =
        Files.readAllLines(PAGE).stream().filter(line -> line.startsWith("## ")).toList();
    assertThat(recipes())
        .hasSize(headings.size())
        .extracting(recipe -> "## " + recipe)
        .isEqualTo(headings);
    assertThat(recipes())
        .extracting(Recipe::number)
        .isEqualTo(
            Stream.iterate(1, n -> n + 1).limit(headings.size()).map(String::valueOf).toList());
  }

  @ParameterizedTest
  @MethodSource("recipes")
  void recipePrintsWhatStandsBelowIt(Recipe recipe) throws Exception {
    if (recipe.source().contains("LocalMode.REQUIRED")) {
      Needs.ofMachine(Platform.isLinux(), "copies on one machine need Linux");
    }
    assertThat(run(recipe)).matches(expected(recipe.output()));
  }

  private static Pattern expected(String output) {
    return Pattern.compile(
        Stream.of(output.split(ANYTHING, -1))
            .map(Pattern::quote)
            .reduce((before, after) -> before + "[^\\n]+" + after)
            .orElseThrow());
  }

  private static String run(Recipe recipe) throws Exception {
    Class<?> program = programs.loadClass(recipe.className());
    Constructor<?> constructor = program.getDeclaredConstructor();
    constructor.setAccessible(true);
    Method main =
        Stream.of(program.getDeclaredMethods())
            .filter(method -> method.getName().equals("main"))
            .findFirst()
            .orElseThrow();
    main.setAccessible(true);
    Object[] arguments =
        main.getParameterCount() == 0
            ? new Object[0]
            : new Object[] {new String[] {folder.resolve("certs").toString()}};
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream before = System.out;
    System.setOut(new PrintStream(printed, true, StandardCharsets.UTF_8));
    try {
      main.invoke(constructor.newInstance(), arguments);
    } finally {
      System.setOut(before);
    }
    return printed.toString(StandardCharsets.UTF_8);
  }
}
