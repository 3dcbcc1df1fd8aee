// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.transfer.TransferException;
import java.util.Optional;

/**
 * Whether this machine has libibverbs, and the library itself. It is looked for once, at the first
 * call; where it is absent, nothing else is loaded.
 *
 * <p>Thread-safe.
 */
public final class Verbs {
  private static final VerbsLoader LOADER = new VerbsLoader("libibverbs.so.1");

  private Verbs() {}

  /**
   * {@return why RDMA cannot be used, and what to do about it; empty when the library is there}
   * That it is says nothing about devices: see {@link Device#names}.
   */
  public static Optional<String> unavailabilityCause() {
    return LOADER.unavailabilityCause();
  }

  /**
   * {@return the library}
   *
   * @throws TransferException with {@link #unavailabilityCause} when there is none
   */
  public static VerbsLibrary library() {
    return LOADER.library();
  }

  /** {@return which file was loaded; empty when none was, or the system does not say} */
  public static Optional<LoadedLibrary> loaded() {
    return LOADER.loaded();
  }
}
