// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Settings;
import io.transferengine.metadata.MetadataAddress;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.metadata.MetadataStoreProvider;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Optional;

/** Finds the client of a metadata service. */
public final class MetadataStores {
  private MetadataStores() {}

  /**
   * {@return a client of the service, to be closed by the caller; empty for {@code P2PHANDSHAKE}}
   *
   * @param server a connection string of protocol section 1
   * @throws TransferException INVALID_ARGUMENT for an invalid text; NOT_IMPLEMENTED when the
   *     client's library is not on the class path
   */
  public static Optional<MetadataStore> open(String server, Settings settings) {
    if (server.equals(EngineOptions.P2P_HANDSHAKE)) {
      return Optional.empty();
    }
    MetadataAddress address = MetadataAddress.parse(server);
    for (MetadataStoreProvider provider :
        Providers.of(MetadataStoreProvider.class, MetadataStores.class.getClassLoader())) {
      if (provider.schemes().contains(address.scheme())) {
        provider
            .unavailabilityCause()
            .ifPresent(
                cause -> {
                  throw new TransferException(
                      ErrorCode.NOT_IMPLEMENTED,
                      "The metadata server '" + address.shown() + "' cannot be used: " + cause,
                      "Add it, or use an http:// metadata server, which needs no library");
                });
        return Optional.of(provider.open(address, settings));
      }
    }
    throw MetadataAddress.malformed(server, null);
  }
}
