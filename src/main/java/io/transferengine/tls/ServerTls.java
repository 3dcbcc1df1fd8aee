// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.net.Turns;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The TLS of a server whose clients are no engines' ports: TLS 1.3 with a certificate of ours, and
 * with one of the client's if an authority for those is given. Thread-safe.
 */
public final class ServerTls {
  private static final Logger log = LoggerFactory.getLogger(ServerTls.class);

  private final LongAdder waited = new LongAdder();
  private final Turns handshakes = new Turns(PeerTls.HANDSHAKES_AT_ONCE, waited::increment);
  private final Supplier<SSLContext> context;
  private final Runnable refresh;
  private final Optional<PemSource> clients;

  private ServerTls(Supplier<SSLContext> context, Runnable refresh, Optional<PemSource> clients) {
    this.context = context;
    this.refresh = refresh;
    this.clients = clients;
  }

  /** {@return TLS with a context of the caller's, and without certificates of clients} */
  public static ServerTls of(SSLContext own) {
    return new ServerTls(() -> own, () -> {}, Optional.empty());
  }

  /**
   * {@return TLS with files, which are read again when they change}
   *
   * @param certificate ours, with those between it and the authority behind it
   * @param key its private key
   * @param clients the authorities of clients' certificates; empty if they need none
   * @throws ConfigurationException for what is wrong with the files, naming file and remedy
   */
  public static ServerTls of(PemSource certificate, PemSource key, Optional<PemSource> clients) {
    List<String> all = new ArrayList<>(List.of(certificate.file(), key.file()));
    clients.ifPresent(source -> all.add(source.file()));
    WatchedFiles<SSLContext> files =
        new WatchedFiles<>(
            "server's certificate files have", all, () -> read(certificate, key, clients));
    return new ServerTls(files::current, files::refresh, clients);
  }

  private static SSLContext read(
      PemSource certificate, PemSource key, Optional<PemSource> clients) {
    TlsMaterial material = TlsMaterial.of(certificate, key, clients, Instant.now());
    material.warnings(Instant.now()).forEach(log::warn);
    return material.context();
  }

  /** {@return the turns in which the handshakes of clients with us go on} */
  public Turns handshakes() {
    return handshakes;
  }

  /** {@return how many times a handshake had to wait for its turn} */
  public long handshakesWaited() {
    return waited.sum();
  }

  /** As {@link PeerTls#refresh}. */
  public void refresh() {
    refresh.run();
  }

  /**
   * {@return TLS over a connection to us, before its handshake} Who closes it, closes the
   * connection below.
   *
   * @param in all that is read of it
   */
  public SSLSocket accepted(Socket connection, InputStream in) throws IOException {
    SSLSocket socket =
        (SSLSocket) context.get().getSocketFactory().createSocket(connection, in, false);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setProtocols(PeerTls.PROTOCOLS.clone());
    if (clients.isPresent()) {
      parameters.setNeedClientAuth(true);
    }
    socket.setSSLParameters(parameters);
    return socket;
  }

  /**
   * Checks the other side of a finished handshake.
   *
   * @return the names that its certificate proves, at least one; empty if none is wanted
   * @throws SSLException if it is not accepted
   */
  public List<String> verify(SSLSession session) throws SSLException {
    if (clients.isEmpty()) {
      return List.of();
    }
    X509Certificate certificate = PeerNames.certificate(session);
    List<String> names = PeerNames.of(certificate);
    return names.isEmpty()
        ? List.of(PeerNames.SUBJECT + certificate.getSubjectX500Principal().getName())
        : names;
  }

  /** {@return why a client's handshake failed, a clause that begins with "it" for the client} */
  public String refusal(Throwable cause) {
    return TlsCauses.text(
        cause,
        true,
        clients.map(PemSource::option).orElse("the client's own files"),
        "TE_METADATA_TLS_CERT and TE_METADATA_TLS_KEY");
  }
}
