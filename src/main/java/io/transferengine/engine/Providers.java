// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** Finds what is built in, or on the class path, behind a seam. */
final class Providers {
  private Providers() {}

  /**
   * {@return one of each kind that there is}
   *
   * @throws TransferException NOT_IMPLEMENTED when one is named that cannot be made
   */
  static <S> List<S> of(Class<S> seam, ClassLoader loader) {
    List<S> found = new ArrayList<>();
    try {
      ServiceLoader.load(seam, loader).forEach(found::add);
    } catch (ServiceConfigurationError e) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "A service of this library cannot be loaded: " + e.getMessage(),
          "Use one complete jar of the library; where jars are merged into one, merge the files in"
              + " META-INF/services, too",
          e);
    }
    return found;
  }
}
