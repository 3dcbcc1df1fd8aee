// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

import java.util.List;
import java.util.Set;

/** Names of Java for names of C, as jextract forms them. */
final class Names {
  static final String PACKAGE = "io.transferengine.bindings";

  /**
   * Stands for the class of functions and constants, until {@link BindingsGenerator} puts its name
   * there. As text blocks have it, too: no name of C looks like it.
   */
  static final String HEADER_CLASS = "HEADER_CLASS";

  /** Words that Java reserves and C does not. */
  private static final Set<String> JAVA_WORDS =
      Set.of(
          ("_ abstract assert boolean byte catch class extends false final finally implements import"
                  + " instanceof interface native new null package private protected public strictfp"
                  + " super synchronized this throw throws transient true try")
              .split(" "));

  private Names() {}

  /** {@code name}, unless that is a word of Java's. */
  static String identifier(String name) {
    return JAVA_WORDS.contains(name) ? name + "_" : name;
  }

  /** A nested class must not be called as a class around it. */
  static String nested(String name, List<String> enclosing) {
    String identifier = identifier(name);
    return enclosing.contains(identifier) ? identifier + "$0" : identifier;
  }

  /** Text of C for Javadoc. */
  static String code(String text) {
    return "{@code " + text + "}";
  }
}
