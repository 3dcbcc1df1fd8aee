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
 */
final class LoadedClasses {
  private static final String SUFFIX = ".class";

  private LoadedClasses() {}

  static void load() {
    for (Class<?> one : List.of(Engine.class, LoadedClasses.class)) {
      Path place = Path.of(one.getProtectionDomain().getCodeSource().getLocation().getPath());
      if (Files.isDirectory(place)) {
        loadAll(place);
      }
    }
  }

  private static void loadAll(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      files
          .map(file -> folder.relativize(file).toString())
          .filter(name -> name.endsWith(SUFFIX) && !name.contains("-"))
          .map(name -> name.substring(0, name.length() - SUFFIX.length()).replace('/', '.'))
          .forEach(LoadedClasses::load);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void load(String name) {
    try {
      Class<?> _ = Class.forName(name, false, LoadedClasses.class.getClassLoader());
    } catch (ClassNotFoundException | LinkageError e) {
      // It needs a library that is not there.
    }
  }
}
