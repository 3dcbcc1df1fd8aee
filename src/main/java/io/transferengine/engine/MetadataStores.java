// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.Settings;
import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.EngineStoreContext;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Finds the client of a metadata service. */
public final class MetadataStores {
  private MetadataStores() {}

  /**
   * {@return a client of the service, which the caller closes; empty for {@code P2PHANDSHAKE}}
   *
   * @param server a connection string of protocol section 1
   * @throws TransferException INVALID_ARGUMENT for an invalid text; NOT_IMPLEMENTED when the client
   *     cannot be used here, or two serve the same scheme
   */
  public static Optional<MetadataStore> open(String server, Settings settings) {
    if (server.equals(EngineOptions.P2P_HANDSHAKE)) {
      return Optional.empty();
    }
    return Optional.of(
        open(
            server,
            settings,
            Providers.of(MetadataStoreProvider.class, MetadataStores.class.getClassLoader())));
  }

  static MetadataStore open(
      String server, Settings settings, List<MetadataStoreProvider> providers) {
    MetadataAddress address = ConnectionString.parse(server);
    List<MetadataStoreProvider> serving =
        providers.stream()
            .filter(provider -> provider.schemes().contains(address.scheme()))
            .toList();
    if (serving.isEmpty()) {
      throw ConnectionString.unknown(
          server,
          providers.stream()
              .flatMap(provider -> provider.schemes().stream())
              .collect(Collectors.toSet()));
    }
    if (serving.size() > 1) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "The metadata server '%s' is served by more than one provider: %s"
              .formatted(address, names(serving)),
          "Leave one of them on the class path or module path");
    }
    return open(address, settings, serving.getFirst());
  }

  private static MetadataStore open(
      MetadataAddress address, Settings settings, MetadataStoreProvider provider) {
    Optional<String> cause = provider.unavailabilityCause();
    if (cause.isPresent()) {
      throw new TransferException(
          ErrorCode.NOT_IMPLEMENTED,
          "The metadata server '" + address + "' cannot be used: " + cause.get(),
          "Add it, or use an http:// metadata server, which needs no library");
    }
    try {
      return provider.open(address, new EngineStoreContext(settings));
    } catch (TransferException e) {
      throw e;
    } catch (RuntimeException | LinkageError e) {
      throw new TransferException(
          ErrorCode.METADATA,
          "The metadata server '%s' cannot be used: %s failed: %s"
              .formatted(address, provider.getClass().getName(), e),
          "Ask the maker of that provider",
          e);
    }
  }

  private static String names(List<MetadataStoreProvider> providers) {
    return providers.stream()
        .map(provider -> provider.getClass().getName())
        .sorted()
        .collect(Collectors.joining(", "));
  }
}
