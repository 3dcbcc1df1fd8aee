// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import io.transferengine.config.Option;
import io.transferengine.config.Settings;
import io.transferengine.config.TlsOptions;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.Turns;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.security.cert.Certificate;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The TLS of an engine's ports: with whom there is some, the sockets and engines for it, whose
 * certificates are accepted, and whom to tell the audit that we refused. {@link #token} is what
 * peers prove beside it, or without it. Thread-safe.
 *
 * <p>Both sides present a certificate. The JDK checks that an authority of ours signed it, and, of
 * a peer that we connect to, that it is for that peer's host. {@link #verify} checks the rest.
 */
public final class PeerTls {
  private static final Logger log = LoggerFactory.getLogger(PeerTls.class);

  /** The JDK may change what it is given. */
  static final String[] PROTOCOLS = {"TLSv1.3"};

  /** Checks that a certificate is for the host that was connected to, by the rules of RFC 2818. */
  public static final String HOST_CHECK = "HTTPS";

  /**
   * Handshakes of peers that are at their ciphers at once, on both ports together. Half of the
   * processors are left to transfers: who floods us with handshakes has no use of more.
   */
  static final int HANDSHAKES_AT_ONCE = Math.max(1, Runtime.getRuntime().availableProcessors() / 2);

  private final Supplier<Optional<TlsSetup>> setup;
  private final Runnable refresh;
  private final List<String> allowed;
  private final AddressList plain;
  private final PeerToken token;
  private final Audit audit;
  private final Turns handshakes;
  private final TlsProvider provider;
  private final InstantSource clock;

  private PeerTls(
      Supplier<Optional<TlsSetup>> setup,
      Runnable refresh,
      Settings settings,
      PeerToken token,
      Audit audit,
      InstantSource clock) {
    this(
        setup,
        refresh,
        PeerNames.list(settings.get(TlsOptions.ALLOW)),
        plainPeers(settings),
        token,
        audit,
        settings.get(TlsOptions.PROVIDER),
        clock);
  }

  private PeerTls(
      Supplier<Optional<TlsSetup>> setup,
      Runnable refresh,
      List<String> allowed,
      AddressList plain,
      PeerToken token,
      Audit audit,
      TlsProvider provider,
      InstantSource clock) {
    this.setup = setup;
    this.clock = clock;
    this.provider = provider;
    this.refresh = refresh;
    this.allowed = allowed;
    this.plain = plain;
    this.token = token;
    this.audit = audit;
    handshakes =
        new Turns(
            HANDSHAKES_AT_ONCE,
            () ->
                audit
                    .metrics()
                    .happened(
                        EngineEvent.Kind.LIMIT_REACHED,
                        Counter.TLS_HANDSHAKES_WAITED,
                        "",
                        "a TLS handshake waits for others"));
  }

  /** For a trial: with the options' peers, without a token, and without a word in the log. */
  static PeerTls of(Settings settings, TlsMaterial material) {
    Optional<TlsSetup> trial = Optional.of(TlsSetup.of(material));
    return new PeerTls(
        () -> trial,
        () -> {},
        settings,
        PeerToken.off(),
        new Audit(new EngineMetrics()),
        InstantSource.system());
  }

  /** {@return none at all} */
  public static PeerTls off() {
    return new PeerTls(
        Optional::empty,
        () -> {},
        List.of(),
        AddressList.parse("", ""),
        PeerToken.off(),
        new Audit(new EngineMetrics()),
        TlsProvider.JDK,
        InstantSource.system());
  }

  /**
   * {@return the TLS that the options ask for}
   *
   * @param own the caller's context, in place of files; empty for the files
   * @param audit where refusals are told; the engine has one for all
   * @throws io.transferengine.transfer.ConfigurationException for what is wrong with the options or
   *     the files
   */
  public static PeerTls of(Settings settings, Optional<SSLContext> own, Audit audit) {
    return of(settings, own, audit, InstantSource.system());
  }

  /** As above, with a clock of the caller's for the ends of certificates; the JDK asks its own. */
  public static PeerTls of(
      Settings settings, Optional<SSLContext> own, Audit audit, InstantSource clock) {
    warnings(settings, own.isPresent()).forEach(log::warn);
    String tokenFile = settings.get(TlsOptions.TOKEN_FILE);
    boolean isOff = settings.get(TlsOptions.MODE) == TlsMode.OFF;
    if (isOff && tokenFile.isEmpty()) {
      return off();
    }
    PeerToken token =
        tokenFile.isEmpty()
            ? PeerToken.off()
            : PeerToken.of(tokenFile, plainPeers(settings), audit);
    if (isOff) {
      return new PeerTls(Optional::empty, () -> {}, settings, token, audit, clock);
    }
    if (own.isPresent()) {
      Optional<TlsSetup> given = own.map(TlsSetup::of);
      return new PeerTls(() -> given, () -> {}, settings, token, audit, clock);
    }
    OwnCertificate files = new OwnCertificate(settings, clock);
    return new PeerTls(
        () -> Optional.of(files.setup()), files::refresh, settings, token, audit, clock);
  }

  /** {@return a sentence for each option that has no effect, or opens our memory to somebody} */
  static List<String> warnings(Settings settings, boolean ownContext) {
    List<String> warnings = new ArrayList<>();
    boolean tls = settings.get(TlsOptions.MODE) != TlsMode.OFF;
    boolean token = !settings.get(TlsOptions.TOKEN_FILE).isEmpty();
    if (!tls) {
      List<Option<String>> idle = new ArrayList<>(TlsOptions.FOR_REQUIRED);
      idle.removeIf(option -> token && option.equals(TlsOptions.PLAIN_PEERS));
      String set = areSet(settings, idle);
      if (!set.isEmpty()) {
        warnings.add(
            set
                + " set, but TE_TLS is off: nothing is encrypted"
                + (token ? "" : ", and whoever reaches our ports may use our memory")
                + ". Set TE_TLS=required");
      }
      if (!token) {
        return warnings;
      }
    }
    String unused = tls && ownContext ? areSet(settings, TlsOptions.FILES) : "";
    if (!unused.isEmpty()) {
      warnings.add(
          unused + " set, but the program's own SSLContext is used. Leave one of both out");
    }
    for (String entry : plainPeers(settings).texts()) {
      warnings.add(
          entry
              + " is in TE_TLS_PLAIN_PEERS: there is neither TLS nor a token to and from there, and"
              + " whoever has such an address may use our memory");
    }
    return warnings;
  }

  /** {@return those of some options that are set, with the verb; empty for none} */
  private static String areSet(Settings settings, List<Option<String>> options) {
    List<String> set =
        options.stream()
            .filter(option -> !settings.get(option).isEmpty())
            .map(Option::environmentName)
            .toList();
    return set.isEmpty() ? "" : String.join(", ", set) + (set.size() == 1 ? " is" : " are");
  }

  private static AddressList plainPeers(Settings settings) {
    return AddressList.parse(
        TlsOptions.PLAIN_PEERS.environmentName(), settings.get(TlsOptions.PLAIN_PEERS));
  }

  /**
   * Reads the files again if they have changed; new connections use them then. To be called every
   * second or so, on a thread that may wait for a disk. Throws nothing for what is wrong with them.
   */
  public void refresh() {
    refresh.run();
    token.refresh();
  }

  /** {@return the tokens that are exchanged inside of TLS, or without it} */
  public PeerToken token() {
    return token;
  }

  /** {@return whether there is TLS with peers, but for those that the options except} */
  public boolean isOn() {
    return setup.get().isPresent();
  }

  /** {@return who is to encrypt the data connections} */
  public TlsProvider provider() {
    return provider;
  }

  /**
   * {@return what somebody else's TLS makes of our files; empty if the program has given a context
   * instead, or TLS is off} It is made the first time that somebody asks, and by {@link #refresh}
   * each time that the files change.
   *
   * @param maker always the same one
   */
  public <T> Optional<T> made(Class<T> type, Function<TlsMaterial, T> maker) {
    return setup.get().flatMap(there -> there.made(type, maker));
  }

  /** {@return whether there is TLS with every peer, whatever its address} */
  public boolean isForAll() {
    return isOn() && plain.texts().isEmpty();
  }

  /** {@return whether there is TLS with a peer at that address} */
  public boolean isFor(InetAddress peer) {
    return isOn() && !plain.contains(peer);
  }

  /** {@return the turns in which the handshakes of peers with us go on} */
  public Turns handshakes() {
    return handshakes;
  }

  private SSLContext context() {
    return setup.get().orElseThrow(() -> new IllegalStateException("TLS is off")).context();
  }

  /**
   * {@return TLS over a connection to us, before its handshake} Who closes it, closes the
   * connection below.
   *
   * @param consumed what was read of the connection already
   */
  public SSLSocket accepted(Socket connection, InputStream consumed) throws IOException {
    SSLSocket socket =
        (SSLSocket) context().getSocketFactory().createSocket(connection, consumed, false);
    socket.setSSLParameters(ofServer(socket.getSSLParameters()));
    return socket;
  }

  /**
   * {@return TLS over a connection to a peer, before its handshake} Who closes it, closes the
   * connection below.
   *
   * @param host the name that the peer's certificate has to be for
   */
  public SSLSocket connected(Socket connection, String host, int port) throws IOException {
    SSLSocket socket =
        (SSLSocket) context().getSocketFactory().createSocket(connection, host, port, false);
    socket.setSSLParameters(ofClient(socket.getSSLParameters()));
    return socket;
  }

  /** {@return the same as {@link #accepted}, without a socket} */
  public SSLEngine acceptingEngine() {
    SSLEngine engine = context().createSSLEngine();
    engine.setUseClientMode(false);
    engine.setSSLParameters(ofServer(engine.getSSLParameters()));
    return engine;
  }

  /** {@return the same as {@link #connected}, without a socket} */
  public SSLEngine connectingEngine(String host, int port) {
    SSLEngine engine = context().createSSLEngine(host, port);
    engine.setUseClientMode(true);
    engine.setSSLParameters(ofClient(engine.getSSLParameters()));
    return engine;
  }

  private static SSLParameters ofServer(SSLParameters parameters) {
    parameters.setProtocols(PROTOCOLS);
    parameters.setNeedClientAuth(true);
    return parameters;
  }

  private static SSLParameters ofClient(SSLParameters parameters) {
    parameters.setProtocols(PROTOCOLS);
    parameters.setEndpointIdentificationAlgorithm(HOST_CHECK);
    return parameters;
  }

  /**
   * Checks the other side of a finished handshake. A session that is resumed is checked no less:
   * its certificate may have expired since.
   *
   * @return the names that its certificate proves, and until when; may be none
   * @throws SSLException if it is not accepted
   */
  public VerifiedPeer verify(SSLSession session) throws SSLException {
    Instant now = clock.instant();
    X509Certificate certificate = PeerNames.certificate(session, now);
    List<String> names = PeerNames.of(certificate);
    if (!allowed.isEmpty() && !PeerNames.anyAllowed(names, allowed)) {
      throw new SSLPeerUnverifiedException(
          "none of the names of its certificate, "
              + names
              + ", is in "
              + TlsOptions.ALLOW
              + ", which is "
              + allowed);
    }
    return new VerifiedPeer(
        names,
        // It may have sent one that has ended, with which we could do without.
        PeerNames.end(session.getPeerCertificates(), now),
        ownEnd(session.getLocalCertificates()));
  }

  /** A session that is resumed has none with BoringSSL; it is one of the present files. */
  private Instant ownEnd(Certificate @Nullable [] chain) {
    return chain == null || chain.length == 0
        ? setup.get().flatMap(TlsSetup::end).orElse(Instant.MAX)
        : PeerNames.end(chain, Instant.MIN);
  }

  /** {@return the time by which certificates end} */
  public Instant now() {
    return clock.instant();
  }

  /**
   * A connection to one of our ports is closed, since its handshake failed: for the audit.
   *
   * @param from its address
   * @param port which of our ports
   */
  public void refused(String from, Audit.Port port, Throwable cause) {
    refused(from, port, TlsCauses.text(cause, true));
  }

  /** As above, with the cause in words. */
  public void refused(String from, Audit.Port port, String cause) {
    audit.refused(
        Audit.Reason.TLS_CONNECTION,
        port,
        from,
        "a connection to the " + port.words() + ": " + cause);
  }

  /**
   * A connection to a peer was given up, since its handshake failed: for the audit.
   *
   * @return what is wrong, in words
   */
  public String gaveUp(String peer, Throwable cause) {
    return gaveUp(peer, TlsCauses.text(cause, false));
  }

  /** As above, with what is wrong in words. */
  public String gaveUp(String peer, String text) {
    String all = text + ownEnd();
    audit.refused(Audit.Reason.TLS_PEER, Audit.Port.PEER, peer, "our connection to it: " + all);
    return all;
  }

  /** Peers say of it only that they refuse us, and some not even that. */
  private String ownEnd() {
    return setup
        .get()
        .flatMap(TlsSetup::end)
        .filter(end -> clock.instant().isAfter(end))
        .map(end -> ". Our own certificate ended at " + end + ": put a new one into TE_TLS_CERT")
        .orElse("");
  }

  /**
   * {@return what is wrong with a peer that ends a connection right behind the handshake, in words}
   *
   * @param cause an alert that it sent, or the end of the stream
   */
  public static String afterHandshake(Throwable cause) {
    return TlsCauses.isOfTls(cause)
        ? TlsCauses.text(cause, false)
        : "it closed the connection once it knew our certificate; is one of its names in the"
            + " peer's TE_TLS_ALLOW? Its audit log says more";
  }
}
