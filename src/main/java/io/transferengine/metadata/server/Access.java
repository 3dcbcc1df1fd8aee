// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.access.PeerIdentity;
import io.transferengine.metadata.HttpMetadataProtocol;
import io.transferengine.tls.BearerTokens;
import io.transferengine.tls.PemSource;
import io.transferengine.tls.ServerTls;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What a server's clients have to prove. Thread-safe.
 *
 * @param tls empty for plain HTTP
 * @param tokens of which one is shown with each request; empty for none
 */
record Access(Optional<ServerTls> tls, Optional<BearerTokens> tokens) {
  private static final Logger log = LoggerFactory.getLogger(Access.class);

  /** {@return nothing} */
  static Access open() {
    return new Access(Optional.empty(), Optional.empty());
  }

  static Access of(SSLContext context) {
    return new Access(Optional.of(ServerTls.of(context)), Optional.empty());
  }

  /**
   * {@return what the files say}
   *
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with them
   */
  static Access of(ServerSecurity security) {
    Optional<PemSource> clients = security.clients();
    Optional<ServerTls> tls =
        security
            .certificate()
            .map(certificate -> ServerTls.of(certificate, security.key(), clients));
    Optional<BearerTokens> tokens =
        security.tokenFile().map(file -> BearerTokens.of(ServerSecurity.TOKENS, file));
    if (tls.isEmpty() && tokens.isPresent()) {
      log.warn(
          "{} without {}: whoever can listen on the network reads the tokens. Add a certificate",
          ServerSecurity.TOKENS,
          ServerSecurity.CERTIFICATE);
    }
    return new Access(tls, tokens);
  }

  /** Reads the files again if they have changed. Waits for the disk. */
  void refresh() {
    tls.ifPresent(ServerTls::refresh);
    tokens.ifPresent(BearerTokens::refresh);
  }

  /**
   * {@return the request, with the name of the token that it shows}
   *
   * @throws HttpRefusal 401 if it shows none of ours, and we have some
   */
  HttpRequest authenticated(HttpRequest request) throws HttpRefusal {
    if (tokens.isEmpty()) {
      return request;
    }
    Optional<String> shown = request.header(HttpMetadataProtocol.AUTHORIZATION_HEADER);
    Optional<String> name = shown.flatMap(tokens.get()::provedName);
    if (name.isEmpty()) {
      throw new HttpRefusal(
          HttpStatus.UNAUTHORIZED,
          (shown.isEmpty() ? "no bearer token" : "an unknown bearer token")
              + ": set TE_METADATA_TOKEN_FILE at the engine, with a line of the file that this"
              + " server has as "
              + ServerSecurity.TOKENS);
    }
    List<String> names = new ArrayList<>(request.peer().names());
    names.add(name.get());
    return new HttpRequest(
        request.head(), request.body(), PeerIdentity.proved(request.peer().address(), names));
  }
}
