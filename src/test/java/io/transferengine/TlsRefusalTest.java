// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.isTold;
import static io.transferengine.TestEngine.serves;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.tls.PemFiles;
import io.transferengine.transfer.TlsProvider;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.X509Certificate;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedKeyManager;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who has no TLS, or a certificate that is not accepted, is refused, and both sides say why. */
@Timeout(120)
class TlsRefusalTest {
  private static final int BYTES = 4096;

  @TempDir private static Path folder;
  private static TestAuthority authority;
  private static Identity good;
  private static Identity elsewhere;
  private static Identity expired;
  private static Identity foreign;

  private LogCapture log;

  @BeforeAll
  static void certificates() {
    authority = new TestAuthority(folder, "authority");
    good = authority.loopback("good");
    elsewhere = authority.issue("elsewhere", "-ext", "san=dns:elsewhere.example,ip:10.1.2.3");
    expired =
        authority.issue(
            "expired", "-ext", TestAuthority.LOOPBACK, "-startdate", "-10d", "-validity", "5");
    foreign = new TestAuthority(folder, "stranger").loopback("foreign").believing(authority);
  }

  @BeforeEach
  void listen() {
    log = new LogCapture();
  }

  @AfterEach
  void stopListening() {
    log.close();
  }

  private static TestEngine secure(Identity identity) {
    return secure(identity, builder -> builder);
  }

  private static TestEngine secure(Identity identity, UnaryOperator<EngineConfig.Builder> options) {
    return new TestEngine(BYTES, builder -> options.apply(TlsTransferTest.with(builder, identity)));
  }

  private static TestEngine plain() {
    return new TestEngine(BYTES);
  }

  private void said(String... parts) {
    TestEngine.isWarned(log, parts);
  }

  // ---- engines that differ

  @Test
  void aPlainEngineIsRefusedByOneWithTls() {
    try (TestEngine target = secure(good);
        TestEngine initiator = plain();
        TestEngine other = secure(good)) {
      isTold(initiator, target, "it wants TLS", "TE_TLS=required");
      said("it wants TLS, and TE_TLS is off here");
      said("Refused 127.0.0.1", "RPC port", "it speaks without TLS", "TE_TLS_PLAIN_PEERS");
      assertThat(target.count(Counter.TLS_CONNECTIONS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  @Test
  void anEngineWithTlsRefusesAPlainOne() {
    try (TestEngine target = plain();
        TestEngine initiator = secure(good);
        TestEngine other = plain()) {
      isTold(initiator, target, "as engines without TLS do", "TE_TLS_PLAIN_PEERS");
      said("it speaks TLS, and TE_TLS is off here");
      said("Refused " + target.engine.segmentName(), "as engines without TLS do");
      assertThat(initiator.count(Counter.TLS_PEERS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  /** With a metadata service nobody may have asked at the RPC port before. */
  @Test
  void aTlsHelloAtAPlainDataPortIsRecognized() throws IOException {
    try (TestEngine target = plain();
        TestEngine other = plain()) {
      int port = other.engine.core().describe(target.engine.segmentName()).tcpDataPort();
      tls(port, Optional.of(good), "TLSv1.3");
      said("it speaks TLS, and TE_TLS is off here", "TE_TLS_PLAIN_PEERS");
      serves(target, other);
    }
  }

  @Test
  void peersThatAreListedNeedNoTls() {
    try (TestEngine secure = secure(good, builder -> builder.tlsPlainPeers("::1, 127.0.0.0/8"));
        TestEngine plain = plain()) {
      said("127.0.0.0/8 is in TE_TLS_PLAIN_PEERS");
      said("::1 is in TE_TLS_PLAIN_PEERS");
      serves(secure, plain);
      serves(plain, secure);
    }
  }

  @Test
  void aCertificateForAnotherHostIsRefusedByWhoConnects() {
    try (TestEngine target = secure(elsewhere);
        TestEngine initiator = secure(good)) {
      isTold(initiator, target, "its certificate is for other names", "127.0.0.1");
      said("Refused 127.0.0.1", "RPC port", "it refuses us");
      serves(initiator, target); // Who accepts has no name to check.
    }
  }

  @Test
  void aCertificateOfAStrangerIsRefused() {
    try (TestEngine target = secure(good);
        TestEngine initiator = secure(foreign);
        TestEngine other = secure(good)) {
      isTold(initiator, target, "it refuses us", "does it believe our authority");
      said("Refused 127.0.0.1", "RPC port", "signed by one of the authorities in TE_TLS_CA");
      serves(target, other);
      isTold(other, initiator, "signed by none of the authorities in TE_TLS_CA");
    }
  }

  @Test
  void whoIsNotAllowedIsRefusedInBothDirections() {
    UnaryOperator<EngineConfig.Builder> narrow =
        builder -> builder.tlsAllow("*.example.com,10.9.9.9");
    try (TestEngine narrowed = secure(good, narrow);
        TestEngine other = secure(good)) {
      isTold(other, narrowed, "TE_TLS_ALLOW");
      said("Refused 127.0.0.1", "RPC port", "TE_TLS_ALLOW", "*.example.com", "localhost");
      isTold(narrowed, other, "TE_TLS_ALLOW", "localhost");
    }
    try (TestEngine allowing = secure(good, builder -> builder.tlsAllow("a.example, LOCALHOST"));
        TestEngine other = secure(good)) {
      serves(allowing, other);
      serves(other, allowing);
    }
  }

  // ---- anybody

  /** Something that is no peer, and what the audit says of it. */
  record Wrong(String name, Visit visit, String said) {
    @Override
    public String toString() {
      return name;
    }
  }

  /** Comes to a port, and returns when it has been shown out. */
  interface Visit {
    void to(int port) throws IOException;
  }

  static Stream<Wrong> visitors() {
    return Stream.of(
        new Wrong("plain text", port -> plainText(port), "it speaks without TLS"),
        new Wrong(
            "no certificate", port -> tls(port, Optional.empty(), "TLSv1.3"), "no certificate"),
        new Wrong("TLS 1.2", port -> tls(port, Optional.of(good), "TLSv1.2"), "no TLS 1.3"),
        new Wrong("expired", port -> tls(port, Optional.of(expired), "TLSv1.3"), "has expired"),
        new Wrong(
            "of a stranger", port -> tls(port, Optional.of(foreign), "TLSv1.3"), "signed by none"));
  }

  @ParameterizedTest
  @MethodSource("visitors")
  void strangersLearnNothingAtTheRpcPort(Wrong wrong) throws IOException {
    try (TestEngine target = secure(good);
        TestEngine other = secure(good)) {
      wrong.visit.to(rpcPort(target));
      said("Refused ", "127.0.0.1", "RPC port", wrong.said);
      assertThat(target.count(Counter.TLS_CONNECTIONS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  /** Whoever encrypts there. */
  static Stream<Arguments> visitorsOfData() {
    return Stream.of(TlsProvider.JDK, TlsProvider.BORINGSSL)
        .flatMap(provider -> visitors().map(wrong -> Arguments.of(wrong, provider)));
  }

  @ParameterizedTest
  @MethodSource("visitorsOfData")
  void strangersLearnNothingAtTheDataPort(Wrong wrong, TlsProvider provider) throws IOException {
    try (TestEngine target = secure(good, builder -> builder.tlsProvider(provider));
        TestEngine other = secure(good)) {
      wrong.visit.to(dataPort(target));
      said("Refused ", "127.0.0.1", "data port", wrong.said);
      assertThat(target.count(Counter.TLS_CONNECTIONS_REFUSED)).isEqualTo(1);
      serves(target, other);
    }
  }

  /** A port probe has tried nothing. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoLeavesWithoutAWordIsNotCounted(boolean data) throws IOException {
    try (TestEngine target = secure(good);
        TestEngine other = secure(good)) {
      try (Socket socket = connected(data ? dataPort(target) : rpcPort(target))) {
        socket.shutdownOutput();
        assertThat(socket.getInputStream().read()).isEqualTo(-1);
      }
      serves(target, other);
      assertThat(target.count(Counter.TLS_CONNECTIONS_REFUSED)).isZero();
    }
  }

  private static int rpcPort(TestEngine engine) {
    String name = engine.engine.segmentName();
    return Integer.parseInt(name.substring(name.lastIndexOf(':') + 1));
  }

  private static int dataPort(TestEngine engine) {
    try (TestEngine asking = secure(good)) {
      return asking.engine.core().describe(engine.engine.segmentName()).tcpDataPort();
    }
  }

  private static Socket connected(int port) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), port);
  }

  /** A request for metadata, as it would be right without TLS. */
  private static void plainText(int port) throws IOException {
    try (Socket socket = connected(port)) {
      OutputStream out = socket.getOutputStream();
      out.write(new byte[] {3, 0, 0, 0, 0, 0, 0, 0, 1, '{', '}'});
      out.flush();
      byte[] answer = readAll(socket);
      assertThat(new String(answer, StandardCharsets.ISO_8859_1)).doesNotContain("{");
      assertThat(answer).hasSizeLessThan(8);
    }
  }

  private static byte[] readAll(Socket socket) throws IOException {
    try {
      return socket.getInputStream().readAllBytes();
    } catch (SSLException e) {
      throw e;
    } catch (IOException reset) {
      return new byte[0];
    }
  }

  private static void tls(int port, Optional<Identity> identity, String protocol)
      throws IOException {
    try (Socket plain = connected(port);
        SSLSocket socket =
            (SSLSocket)
                context(identity).getSocketFactory().createSocket(plain, "127.0.0.1", port, true)) {
      socket.setEnabledProtocols(new String[] {protocol});
      assertThatThrownBy(
              () -> {
                socket.startHandshake();
                assertThat(readAll(socket)).isEmpty();
                throw new IOException("closed without a byte");
              })
          .isInstanceOf(IOException.class);
    }
  }

  private static SSLContext context(Optional<Identity> identity) {
    try {
      KeyManager[] keys =
          identity.map(own -> new KeyManager[] {new Stubborn(own)}).orElse(new KeyManager[0]);
      TrustManager[] trust =
          PemFiles.trustManagers(PemFiles.certificates("test", authority.certificate().toString()));
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys, trust, new SecureRandom());
      return context;
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Presents its certificate whatever authorities it is asked for. */
  private static final class Stubborn extends X509ExtendedKeyManager {
    private final PrivateKey key;
    private final X509Certificate[] chain;

    Stubborn(Identity identity) {
      key = PemFiles.privateKey("test", identity.key().toString());
      chain =
          PemFiles.certificates("test", identity.certificate().toString())
              .toArray(X509Certificate[]::new);
    }

    @Override
    public String[] getClientAliases(String keyType, Principal[] issuers) {
      return new String[] {"own"};
    }

    @Override
    public String chooseClientAlias(String[] keyTypes, Principal[] issuers, Socket socket) {
      return "own";
    }

    @Override
    public String[] getServerAliases(String keyType, Principal[] issuers) {
      return new String[0];
    }

    @Override
    public @Nullable String chooseServerAlias(String keyType, Principal[] issuers, Socket socket) {
      return null;
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return chain;
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return key;
    }
  }
}
