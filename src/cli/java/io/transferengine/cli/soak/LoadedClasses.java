// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.soak;

import io.transferengine.Engine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Loads our classes where they are files of their own, as in a build's folders: without descriptors
 * one that is needed for the first time would be missing for ever. A jar is open all the time.
 *
 * <p>In a full heap a class that is needed for the first time may be lost as well: if its static
 * initializer throws, no later use tries it again (JVM specification, 5.5). So the library's own
 * are initialized, too, if the heap is going to be full.
 */
final class LoadedClasses {
  private static final String SUFFIX = ".class";

  private LoadedClasses() {}

  /**
   * Loads them.
   *
   * @param initialized whether the library's are initialized as well
   */
  static void load(boolean initialized) {
    for (Class<?> one : List.of(Engine.class, LoadedClasses.class)) {
      Path place = Path.of(one.getProtectionDomain().getCodeSource().getLocation().getPath());
      if (Files.isDirectory(place)) {
        loadAll(place, initialized && one == Engine.class);
      }
    }
  }

  private static void loadAll(Path folder, boolean initialized) {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .map(file -> folder.relativize(file).toString())
          .filter(name -> name.endsWith(SUFFIX) && !name.contains("-"))
          .map(name -> name.substring(0, name.length() - SUFFIX.length()).replace('/', '.'))
          .forEach(name -> load(name, initialized));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void load(String name, boolean initialized) {
    try {
      Class<?> _ = Class.forName(name, initialized, LoadedClasses.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs a library that is not there.
    }
  }
}
