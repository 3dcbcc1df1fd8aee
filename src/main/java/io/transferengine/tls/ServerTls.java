// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.net.Turns;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509TrustManager;

/**
 * The TLS of a server whose clients are no engines' ports: TLS 1.3 with a certificate of ours, and
 * with one of the client's if an authority for those is given. Thread-safe.
 */
public final class ServerTls {
  /** What connections are made with until the files change; no material with a caller's context. */
  private static final class Read {
    private final SSLContext context;
    private final Optional<TlsMaterial> material;

    /** Made once: each connection that is kept asks it after a change. */
    private final X509TrustManager clients;

    Read(SSLContext context, Optional<TlsMaterial> material) {
      this.context = context;
      this.material = material;
      clients =
          Arrays.stream(
                  PemFiles.trustManagers(material.map(TlsMaterial::authorities).orElse(List.of())))
              .filter(X509TrustManager.class::isInstance)
              .map(X509TrustManager.class::cast)
              .findFirst()
              .orElseThrow();
    }

    void requireTrusted(Certificate[] chain) throws SSLException {
      X509Certificate[] known = Arrays.copyOf(chain, chain.length, X509Certificate[].class);
      try {
        clients.checkClientTrusted(known, known[0].getPublicKey().getAlgorithm());
      } catch (CertificateException e) {
        throw new SSLHandshakeException(String.valueOf(e.getMessage()), e);
      }
    }
  }

  private final LongAdder waited = new LongAdder();
  private final Turns handshakes = new Turns(PeerTls.HANDSHAKES_AT_ONCE, waited::increment);
  private final Supplier<Read> files;
  private final Runnable refresh;
  private final Optional<PemSource> clients;

  private ServerTls(Supplier<Read> files, Runnable refresh, Optional<PemSource> clients) {
    this.files = files;
    this.refresh = refresh;
    this.clients = clients;
  }

  /** {@return TLS with a context of the caller's, and without certificates of clients} */
  public static ServerTls of(SSLContext own) {
    Read given = new Read(own, Optional.empty());
    return new ServerTls(() -> given, () -> {}, Optional.empty());
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
    return of(certificate, key, clients, InstantSource.system());
  }

  static ServerTls of(
      PemSource certificate, PemSource key, Optional<PemSource> clients, InstantSource clock) {
    List<String> all = new ArrayList<>(List.of(certificate.file(), key.file()));
    clients.ifPresent(source -> all.add(source.file()));
    WatchedFiles<Read> files =
        new WatchedFiles<>(
            "server's certificate files have",
            all,
            () -> {
              TlsMaterial material = TlsMaterial.of(certificate, key, clients, clock.instant());
              return new Read(material.context(), Optional.of(material));
            });
    ExpiryReminder reminder = new ExpiryReminder(clock);
    Runnable remind = () -> files.current().material.ifPresent(reminder::remind);
    remind.run();
    return new ServerTls(
        files::current,
        () -> {
          files.refresh();
          remind.run();
        },
        clients);
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

  /** A client's connection, and what its certificate was last checked against. For one thread. */
  public final class Client {
    private final SSLSocket socket;
    private Read checked;

    private Client(SSLSocket socket, Read checked) {
      this.socket = socket;
      this.checked = checked;
    }

    /** {@return TLS over the connection} */
    public SSLSocket socket() {
      return socket;
    }

    /**
     * Checks the other side of a finished handshake.
     *
     * @return the names that its certificate proves, at least one; empty if none is wanted
     * @throws SSLException if it is not accepted
     */
    public List<String> verify() throws SSLException {
      check();
      if (clients.isEmpty()) {
        return List.of();
      }
      X509Certificate certificate = PeerNames.certificate(socket.getSession(), Instant.now());
      List<String> names = PeerNames.of(certificate);
      return names.isEmpty()
          ? List.of(PeerNames.SUBJECT + certificate.getSubjectX500Principal().getName())
          : names;
    }

    /**
     * Checks that it would still be let in: its certificate may have expired since, or our
     * authorities have changed. Costs little unless they have.
     *
     * @throws SSLException if it would not
     */
    public void check() throws SSLException {
      if (clients.isEmpty()) {
        return;
      }
      SSLSession session = socket.getSession();
      var _ = PeerNames.certificate(session, Instant.now());
      Read now = files.get();
      if (now != checked) {
        now.requireTrusted(session.getPeerCertificates());
        checked = now;
      }
    }
  }

  /**
   * {@return TLS over a connection to us, before its handshake} Who closes its socket, closes the
   * connection below.
   *
   * @param in all that is read of it
   */
  public Client accepted(Socket connection, InputStream in) throws IOException {
    Read now = files.get();
    SSLSocket socket =
        (SSLSocket) now.context.getSocketFactory().createSocket(connection, in, false);
    SSLParameters parameters = socket.getSSLParameters();
    parameters.setProtocols(PeerTls.PROTOCOLS.clone());
    if (clients.isPresent()) {
      parameters.setNeedClientAuth(true);
    }
    socket.setSSLParameters(parameters);
    return new Client(socket, now);
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
