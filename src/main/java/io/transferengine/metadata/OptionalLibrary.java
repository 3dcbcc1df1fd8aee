// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.util.Optional;

/** Finds out whether a library that only one package uses is present. */
public final class OptionalLibrary {
  private OptionalLibrary() {}

  /**
   * {@return a text that names the missing artifact; empty if the library is present}
   *
   * <p>Such libraries have no module names. If we are a module and they are on the class path, our
   * module must be allowed to read them. This method allows it.
   *
   * @param className a class of the library
   * @param artifact its Maven coordinates
   */
  public static Optional<String> missing(String className, String artifact) {
    try {
      Class<?> found = Class.forName(className, false, OptionalLibrary.class.getClassLoader());
      OptionalLibrary.class.getModule().addReads(found.getModule());
      return Optional.empty();
    } catch (ClassNotFoundException | LinkageError e) {
      return Optional.of(artifact + " is not on the class path");
    }
  }
}
