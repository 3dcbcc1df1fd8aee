// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.transfer.TransferException;
import java.util.Optional;

/**
 * Finds libibverbs on this machine. It looks once, at the first call. If libibverbs is absent,
 * nothing else is loaded.
 *
 * <p>Thread-safe.
 */
public final class Verbs {
  private static final VerbsLoader LOADER = new VerbsLoader("libibverbs.so.1");

  private Verbs() {}

  /**
   * {@return why RDMA cannot be used, and the remedy; empty if the library is present} There may
   * still be no devices: see {@link Device#names}.
   */
  public static Optional<String> unavailabilityCause() {
    return LOADER.unavailabilityCause();
  }

  /**
   * {@return the library}
   *
   * @throws TransferException with {@link #unavailabilityCause} if it cannot be used
   */
  public static VerbsLibrary library() {
    return LOADER.library();
  }

  /** {@return the file that was loaded; empty if none was, or the system does not list it} */
  public static Optional<LoadedLibrary> loaded() {
    return LOADER.loaded();
  }
}
