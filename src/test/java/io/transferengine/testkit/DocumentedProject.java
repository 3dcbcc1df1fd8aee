// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;

/**
 * A project that {@code docs/EXTENDING.md} shows, as whoever reads it would have it: each block of
 * code whose first line is a comment with a path is a file.
 */
public final class DocumentedProject {
  private static final Path PAGE = Path.of("docs", "EXTENDING.md");

  private static final Pattern FILE =
      Pattern.compile("```\\w+\\n(?://|#) (\\S+)\\n(.*?)```", Pattern.DOTALL);

  /** The library, with its module-info, which only the real build has. */
  private static final String CLASSES = Path.of("target", "classes").toAbsolutePath().toString();

  private final String name;
  private final Path folder;

  private DocumentedProject(String name, Path folder) {
    this.name = name;
    this.folder = folder;
  }

  /** Writes the files of the project {@code name}, the first part of their paths. */
  public static DocumentedProject extract(String name, Path folder) throws IOException {
    Path root = folder.resolve("source");
    Matcher block = FILE.matcher(Files.readString(PAGE));
    int files = 0;
    while (block.find()) {
      if (block.group(1).startsWith(name + "/")) {
        Path file = root.resolve(block.group(1));
        Files.createDirectories(file.getParent());
        Files.writeString(file, block.group(2));
        files++;
      }
    }
    if (files == 0) {
      throw new AssertionError(PAGE + " has no file of " + name);
    }
    return new DocumentedProject(name, folder);
  }

  /** {@return the path of the library and what it needs} */
  public static String library() {
    return CLASSES + File.pathSeparator + ChildJvm.classPath(ChildJvm.MODULES);
  }

  /**
   * {@return the project's jar for the class path, which has services in files}
   *
   * <p>No warning is left: a reader who copies the example has none.
   */
  public Path jar() throws IOException {
    Path classes = compile("class-path", List.of("-cp", library()), false);
    Path services = source().resolve("META-INF");
    if (Files.isDirectory(services)) {
      for (Path file : files(services, "")) {
        Path copy = classes.resolve(source().relativize(file).toString());
        Files.createDirectories(copy.getParent());
        Files.copy(file, copy);
      }
    }
    return pack("class-path", classes);
  }

  /** {@return the project's modular jar, which has services in its module-info} */
  public Path modularJar() throws IOException {
    return pack("module-path", compile("module-path", List.of("-p", library()), true));
  }

  private Path source() {
    return folder.resolve("source").resolve(name);
  }

  private Path compile(String kind, List<String> path, boolean asModule) throws IOException {
    Path classes = Files.createDirectories(folder.resolve(kind).resolve("classes"));
    List<String> arguments = new ArrayList<>(path);
    arguments.addAll(
        List.of("--release", "25", "-proc:none", "-Xlint:all,-path,-processing", "-Werror"));
    arguments.addAll(List.of("-d", classes.toString()));
    for (Path file : files(source(), ".java")) {
      if (asModule || !file.endsWith("module-info.java")) {
        arguments.add(file.toString());
      }
    }
    run("javac", arguments);
    return classes;
  }

  private Path pack(String kind, Path classes) {
    Path jar = folder.resolve(kind).resolve(name + ".jar");
    run("jar", List.of("--create", "--file", jar.toString(), "-C", classes.toString(), "."));
    return jar;
  }

  private static void run(String tool, List<String> arguments) {
    StringWriter text = new StringWriter();
    PrintWriter printer = new PrintWriter(text);
    int status =
        ToolProvider.findFirst(tool)
            .orElseThrow()
            .run(printer, printer, arguments.toArray(String[]::new));
    if (status != 0) {
      throw new AssertionError(tool + ": " + text);
    }
  }

  private static List<Path> files(Path root, String ending) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> file.toString().endsWith(ending))
          .toList();
    }
  }
}
