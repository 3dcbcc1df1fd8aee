// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.tls.PemSource;
import io.transferengine.tls.ServerTls;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/**
 * What a server's clients have to prove. Thread-safe.
 *
 * @param tls empty for plain HTTP
 */
record Access(Optional<ServerTls> tls) {
  /** {@return nothing} */
  static Access open() {
    return new Access(Optional.empty());
  }

  static Access of(SSLContext context) {
    return new Access(Optional.of(ServerTls.of(context)));
  }

  /**
   * {@return what the files say}
   *
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with them
   */
  static Access of(ServerSecurity security) {
    Optional<PemSource> clients = security.clients();
    return new Access(
        security
            .certificate()
            .map(certificate -> ServerTls.of(certificate, security.key(), clients)));
  }

  /** Reads the files again if they have changed. Waits for the disk. */
  void refresh() {
    tls.ifPresent(ServerTls::refresh);
  }
}
