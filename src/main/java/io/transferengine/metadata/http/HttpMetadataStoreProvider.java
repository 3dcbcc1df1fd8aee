// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.MetadataAddress;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.metadata.MetadataStoreProvider;
import io.transferengine.metadata.TlsFiles;
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
  public MetadataStore open(MetadataAddress address, Settings settings) {
    HttpAddress server = HttpAddress.of(address);
    Optional<SSLContext> tls =
        server.isTls() ? Optional.of(TlsFiles.context(settings)) : Optional.empty();
    return new HttpMetadataStore(server, tls, settings.get(MetadataOptions.TTL));
  }
}
