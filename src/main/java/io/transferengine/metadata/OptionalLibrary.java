// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.util.Optional;

/** Whether a library that only one package uses is there. */
public final class OptionalLibrary {
  private OptionalLibrary() {}

  /**
   * {@return the text that names what is missing; empty when the library is there}
   *
   * <p>Such libraries have no module names. When we are a module and they are on the class path, we
   * have to be allowed to read them; asking here is enough.
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
