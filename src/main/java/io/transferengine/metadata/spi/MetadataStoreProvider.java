// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.spi;

import java.util.Optional;
import java.util.Set;

/**
 * Creates clients for one kind of metadata service. {@link java.util.ServiceLoader} finds it: on
 * the class path by a file in {@code META-INF/services} with the name of this interface, on the
 * module path by {@code provides} in {@code module-info.java}. The engine uses the class loader of
 * its own classes for that.
 *
 * <p>Each engine that opens with a metadata service creates its own provider, on the thread that
 * opens it. The constructor must be public and have no parameters. It should do nothing.
 */
public interface MetadataStoreProvider {
  /**
   * {@return the schemes of {@link MetadataAddress} that it serves, in lower case} If two providers
   * serve the same scheme, no engine opens with it. {@code etcd}, {@code http}, {@code https},
   * {@code redis}, {@code rediss} and {@code memory} are taken.
   */
  Set<String> schemes();

  /**
   * {@return the reason why it cannot be used here, with the name of the missing artifact, as a
   * clause without a full stop; empty if it can be used} Called only if one of its schemes is
   * wanted.
   */
  default Optional<String> unavailabilityCause() {
    return Optional.empty();
  }

  /**
   * {@return a client, which does not connect to the service before its first call} The engine
   * closes it.
   *
   * @param address has one of {@link #schemes}
   * @param context the options of the engine
   * @throws io.transferengine.transfer.TransferException INVALID_ARGUMENT if the address is
   *     invalid, with a valid one in its remedy
   */
  MetadataStore open(MetadataAddress address, MetadataStoreContext context);
}
