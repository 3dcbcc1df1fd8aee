// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.metadata.MetadataAddress;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.metadata.MetadataStoreProvider;
import io.transferengine.metadata.TlsFiles;
import java.net.URI;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;

/** HTTP metadata servers, which need no library. */
public final class HttpMetadataStoreProvider implements MetadataStoreProvider {
  private static final String HTTPS = "https";

  /** For {@link java.util.ServiceLoader}. */
  public HttpMetadataStoreProvider() {}

  @Override
  public Set<String> schemes() {
    return Set.of("http", HTTPS);
  }

  @Override
  public Optional<String> unavailabilityCause() {
    return Optional.empty();
  }

  @Override
  public MetadataStore open(MetadataAddress address, Settings settings) {
    URI base;
    try {
      base = URI.create(address.toString());
    } catch (IllegalArgumentException e) {
      throw MetadataAddress.malformed(address.toString(), e);
    }
    if (base.getHost() == null || base.getRawUserInfo() != null || base.getRawFragment() != null) {
      throw MetadataAddress.malformed(address.toString(), null);
    }
    Optional<SSLContext> tls =
        address.scheme().equals(HTTPS) ? Optional.of(TlsFiles.context(settings)) : Optional.empty();
    return new HttpMetadataStore(base, tls, settings.get(MetadataOptions.TTL));
  }
}
