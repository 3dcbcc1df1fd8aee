// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.ConnectionString;
import io.transferengine.metadata.EngineStoreContext;
import io.transferengine.metadata.OptionalLibrary;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreContext;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Provides clients for etcd, if jetcd is on the class path. */
public final class EtcdMetadataStoreProvider implements MetadataStoreProvider {
  /** For {@link java.util.ServiceLoader}. */
  public EtcdMetadataStoreProvider() {}

  @Override
  public Set<String> schemes() {
    return Set.of(ConnectionString.ETCD);
  }

  @Override
  public Optional<String> unavailabilityCause() {
    return OptionalLibrary.missing("io.etcd.jetcd.Client", "io.etcd:jetcd-core:0.8.7");
  }

  @Override
  public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
    Settings settings = EngineStoreContext.settingsOf(context);
    List<HostPort> endpoints;
    try {
      endpoints =
          Arrays.stream(address.address().split("[;,]", -1))
              .map(String::trim)
              .filter(endpoint -> !endpoint.isEmpty())
              .map(HostPort::parse)
              .toList();
    } catch (TransferException e) {
      throw ConnectionString.malformed(address, e);
    }
    if (endpoints.isEmpty()) {
      throw ConnectionString.malformed(address, null);
    }
    return new EtcdMetadataStore(
        new EtcdClients(endpoints, settings), settings.get(MetadataOptions.TTL));
  }
}
