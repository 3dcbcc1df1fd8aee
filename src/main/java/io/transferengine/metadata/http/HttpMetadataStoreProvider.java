// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreContext;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;

/** Provides clients for HTTP metadata servers, without any library. */
public final class HttpMetadataStoreProvider implements MetadataStoreProvider {
  /** For {@link java.util.ServiceLoader}. */
  public HttpMetadataStoreProvider() {}

  @Override
  public Set<String> schemes() {
    return Set.of("http", "https");
  }

  @Override
  public Optional<String> unavailabilityCause() {
    return Optional.empty();
  }

  @Override
  public MetadataStore open(MetadataAddress address, MetadataStoreContext context) {
    HttpAddress server = HttpAddress.of(address);
    Optional<SSLContext> tls = server.isTls() ? Optional.of(context.tls()) : Optional.empty();
    return new HttpMetadataStore(server, tls, context.timeToLive().toSeconds());
  }
}
