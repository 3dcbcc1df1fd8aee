// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import io.transferengine.config.MetadataOptions;
import io.transferengine.logging.Secrets;
import io.transferengine.metadata.EngineStoreContext;
import io.transferengine.metadata.spi.MetadataAddress;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metadata.spi.MetadataStoreContext;
import io.transferengine.metadata.spi.MetadataStoreProvider;
import io.transferengine.tls.BearerTokens;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Provides clients for HTTP metadata servers, without any library. */
public final class HttpMetadataStoreProvider implements MetadataStoreProvider {
  private static final Logger log = LoggerFactory.getLogger(HttpMetadataStoreProvider.class);

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
    return new HttpMetadataStore(
        server, tls, token(server, context), context.timeToLive().toSeconds());
  }

  private static Optional<BearerTokens> token(HttpAddress server, MetadataStoreContext context) {
    String file = EngineStoreContext.settingsOf(context).get(MetadataOptions.TOKEN_FILE);
    if (file.isEmpty()) {
      return Optional.empty();
    }
    if (!server.isTls() && !server.isLoopback()) {
      log.warn(
          "{} goes to {} without TLS: whoever can listen on the network can read it. Name the"
              + " metadata server https://",
          MetadataOptions.TOKEN_FILE.environmentName(),
          Secrets.masked(server.toString()));
    }
    return Optional.of(BearerTokens.of(MetadataOptions.TOKEN_FILE.environmentName(), file));
  }
}
