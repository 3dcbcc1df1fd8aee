// SPDX-License-Identifier: Apache-2.0
package io.transferengine.bindings.generator;

/** What the headers or the list of symbols ask for, and the generator cannot do. */
final class GeneratorException extends RuntimeException {
  private static final long serialVersionUID = 1;

  GeneratorException(String message) {
    super(message);
  }
}
