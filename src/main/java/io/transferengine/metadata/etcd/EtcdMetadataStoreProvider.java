// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.MetadataAddress;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.metadata.MetadataStoreProvider;
import io.transferengine.metadata.OptionalLibrary;
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
    return Set.of(MetadataAddress.ETCD);
  }

  @Override
  public Optional<String> unavailabilityCause() {
    return OptionalLibrary.missing("io.etcd.jetcd.Client", "io.etcd:jetcd-core:0.8.7");
  }

  @Override
  public MetadataStore open(MetadataAddress address, Settings settings) {
    List<HostPort> endpoints;
    try {
      endpoints =
          Arrays.stream(address.address().split("[;,]", -1))
              .map(String::trim)
              .filter(endpoint -> !endpoint.isEmpty())
              .map(HostPort::parse)
              .toList();
    } catch (TransferException e) {
      throw MetadataAddress.malformed(address.toString(), e);
    }
    if (endpoints.isEmpty()) {
      throw MetadataAddress.malformed(address.toString(), null);
    }
    return new EtcdMetadataStore(
        new EtcdClients(endpoints, settings), settings.get(MetadataOptions.TTL));
  }
}
