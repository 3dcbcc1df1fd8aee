// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** Finds the providers that are built in or on the class path. */
final class Providers {
  private Providers() {}

  /**
   * {@return one of each provider}
   *
   * @throws TransferException NOT_IMPLEMENTED if a listed one cannot be made
   */
  static <S> List<S> of(Class<S> seam, ClassLoader loader) {
    List<S> found = new ArrayList<>();
    try {
      ServiceLoader.load(seam, loader).forEach(found::add);
    } catch (ServiceConfigurationError | LinkageError e) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "A provider cannot be loaded: " + e.getMessage(),
          "Use one complete jar of the library; if you merge jars, merge the files in"
              + " META-INF/services too. If the provider is not part of the library, update it or"
              + " remove it",
          e);
    }
    return found;
  }
}
