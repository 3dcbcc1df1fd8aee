// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.StringEntry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What GraalVM's native-image cannot see by itself, as its file {@code reachability-metadata.json}:
 * calls into C, providers, classes that the library asks for by a text, and resources. Written from
 * the class files.
 */
final class NativeImageMetadata {
  private static final Path SERVICES = Path.of("META-INF", "services");

  /** A text that may be the name of a class. */
  private static final Pattern CLASS_NAME =
      Pattern.compile("[a-z]\\w*(\\.[a-z_]\\w*)+\\.[A-Z][\\w$]*");

  private static final String MADE_WITHOUT_ARGUMENTS =
      "\"methods\": [{\"name\": \"<init>\", \"parameterTypes\": []}]";

  /** What only builds leave there. */
  private static final Set<String> NO_RESOURCES = Set.of("META-INF/jpms.args");

  private NativeImageMetadata() {}

  /** {@return the file} */
  static String render(Path folder) throws IOException {
    List<String> downcalls =
        NativeLinks.of(folder).stream().map(NativeImageMetadata::call).toList();
    List<String> reflection = new ArrayList<>();
    for (String provider : providers(folder)) {
      reflection.add("{\"type\": \"" + provider + "\", " + MADE_WITHOUT_ARGUMENTS + "}");
    }
    for (String type : classesNamedByTexts(folder)) {
      reflection.add("{\"type\": \"" + type + "\"}");
    }
    List<String> resources =
        resources(folder).stream().map("{\"glob\": \"%s\"}"::formatted).toList();
    return """
    {
      "comment": "Written by NativeImageMetadataTest from the classes of the build. Netty, jetcd and other libraries have files of their own.",
      "foreign": {
        "downcalls": [
    %s
        ]
      },
      "reflection": [
    %s
      ],
      "resources": [
    %s
      ]
    }
    """
        .formatted(lines("      ", downcalls), lines("    ", reflection), lines("    ", resources));
  }

  private static String lines(String indent, List<String> elements) {
    return elements.stream().map(indent::concat).collect(Collectors.joining(",\n"));
  }

  private static String call(NativeLinks.Call call) {
    List<String> options = new ArrayList<>();
    if (call.capturesErrno()) {
      options.add("\"captureCallState\": true");
    }
    if (call.firstVariadic() >= 0) {
      options.add("\"firstVariadicArg\": " + call.firstVariadic());
    }
    if (call.critical()) {
      options.add("\"critical\": {\"allowHeapAccess\": false}");
    }
    return "{\"returnType\": \"%s\", \"parameterTypes\": [%s]%s}"
        .formatted(
            call.result(),
            call.parameters().stream().map("\"%s\""::formatted).collect(Collectors.joining(", ")),
            options.isEmpty() ? "" : ", \"options\": {" + String.join(", ", options) + "}");
  }

  private static Set<String> providers(Path folder) throws IOException {
    Set<String> providers = new TreeSet<>();
    try (Stream<Path> files = Files.list(folder.resolve(SERVICES))) {
      for (Path file : files.toList()) {
        providers.addAll(Files.readAllLines(file));
      }
    }
    return providers;
  }

  /**
   * For {@code Class.forName}: classes of others, of which the library asks whether they are there.
   */
  private static Set<String> classesNamedByTexts(Path folder) throws IOException {
    Set<String> names = new TreeSet<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(any -> any.toString().endsWith(".class")).toList()) {
        for (PoolEntry entry : ClassFile.of().parse(file).constantPool()) {
          if (entry instanceof StringEntry text
              && CLASS_NAME.matcher(text.stringValue()).matches()
              && !text.stringValue().startsWith("io.transferengine.")
              && exists(text.stringValue())) {
            names.add(text.stringValue());
          }
        }
      }
    }
    return names;
  }

  private static boolean exists(String name) {
    try {
      var _ = Class.forName(name, false, NativeImageMetadata.class.getClassLoader());
      return true;
    } catch (ClassNotFoundException | LinkageError e) {
      return false;
    }
  }

  /** Whatever is no class; and the lists of providers, for who reads them. */
  private static Set<String> resources(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString().replace('\\', '/'))
          .filter(name -> !name.endsWith(".class") && !name.startsWith("META-INF/native-image/"))
          .filter(name -> !NO_RESOURCES.contains(name))
          .collect(Collectors.toCollection(TreeSet::new));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
