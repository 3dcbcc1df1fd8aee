// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.serves;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What engines say of each other where the data port is the first that they meet at: with a
 * metadata service nobody has asked at the RPC port. It does not depend on who encrypts.
 */
@Timeout(120)
class DataTlsRefusalTest {
  private static final int BYTES = 4096;
  private static final AtomicInteger SERVICES = new AtomicInteger();

  @TempDir private static Path folder;
  private static Identity good;
  private static Identity elsewhere;
  private static Identity foreign;
  private static Identity deceived;
  private static Identity lengthy;

  private final String server = "memory://data-tls-" + SERVICES.incrementAndGet();
  private LogCapture log;

  @BeforeAll
  static void certificates() {
    TestAuthority authority = new TestAuthority(folder, "authority");
    TestAuthority stranger = new TestAuthority(folder, "stranger");
    good = authority.loopback("good");
    elsewhere = authority.issue("elsewhere", "-ext", "san=dns:elsewhere.example,ip:10.1.2.3");
    foreign = stranger.loopback("foreign").believing(authority);
    deceived = authority.loopback("deceived").believing(stranger);
    String names =
        IntStream.range(0, 4000)
            .mapToObj(i -> ",dns:n" + i + ".example")
            .collect(Collectors.joining());
    lengthy = authority.issue("lengthy", "-ext", TestAuthority.LOOPBACK + names);
  }

  @BeforeEach
  void listen() {
    log = new LogCapture();
  }

  @AfterEach
  void stopListening() {
    log.close();
  }

  static Stream<Arguments> providers() {
    List<TlsProvider> each = List.of(TlsProvider.JDK, TlsProvider.BORINGSSL);
    return each.stream().flatMap(one -> each.stream().map(two -> Arguments.of(one, two)));
  }

  private TestEngine named(String name, UnaryOperator<EngineConfig.Builder> options) {
    return new TestEngine(BYTES, _ -> options.apply(EngineConfigs.named(name, server)));
  }

  private TestEngine secure(String name, Identity identity, TlsProvider provider) {
    return named(name, builder -> TlsTransferTest.with(builder, identity).tlsProvider(provider));
  }

  private void said(String... parts) {
    TestEngine.isWarned(log, parts);
  }

  private static void isTold(TestEngine one, TestEngine two, String... parts) {
    Transfer transfer = one.submit(Operation.WRITE, two.engine.segmentName(), two.address(), BYTES);
    TestEngine.assertFailed(transfer);
    assertThat(transfer.failure().orElseThrow()).hasMessageContainingAll(parts);
  }

  @ParameterizedTest
  @MethodSource("providers")
  void aCertificateForAnotherHost(TlsProvider here, TlsProvider there) {
    try (TestEngine target = secure("target", elsewhere, there);
        TestEngine initiator = secure("initiator", good, here)) {
      isTold(initiator, target, "its certificate is for other names", "127.0.0.1");
      said("Refused target", "our connection to it", "for other names");
      serves(initiator, target); // Who accepts has no name to check.
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void aCertificateOfAStranger(TlsProvider here, TlsProvider there) {
    try (TestEngine target = secure("target", good, there);
        TestEngine initiator = secure("initiator", foreign, here);
        TestEngine other = secure("other", good, there)) {
      // TLS 1.3: its own handshake is over before it is refused.
      isTold(initiator, target, "data connection closed", "has it the same TE_TLS");
      said("Refused ", "data port", "authorities in TE_TLS_CA");
      isTold(other, initiator, "signed by none of the authorities in TE_TLS_CA");
      serves(target, other);
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void oneThatBelievesOnlyAStranger(TlsProvider here, TlsProvider there) {
    try (TestEngine target = secure("target", good, there);
        TestEngine initiator = secure("initiator", deceived, here)) {
      isTold(initiator, target, "signed by none of the authorities in TE_TLS_CA");
      said("Refused target", "our connection to it", "signed by none");
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void whoIsNotAllowed(TlsProvider here, TlsProvider there) {
    try (TestEngine target =
            named(
                "target",
                builder ->
                    TlsTransferTest.with(builder, good)
                        .tlsProvider(there)
                        .tlsAllow("a.example.com"));
        TestEngine initiator = secure("initiator", good, here)) {
      isTold(target, initiator, "TE_TLS_ALLOW", "localhost");
      Transfer refused = initiator.submit(Operation.WRITE, "target", target.address(), BYTES);
      TestEngine.assertFailed(refused);
      said("Refused ", "data port", "TE_TLS_ALLOW", "a.example.com", "localhost");
    }
  }

  /** Nobody knows yet whose it is, and it is in memory. */
  @ParameterizedTest
  @MethodSource("providers")
  void aCertificateOfManyNames(TlsProvider here, TlsProvider there) {
    try (TestEngine target = secure("target", good, there);
        TestEngine initiator = secure("initiator", lengthy, here);
        TestEngine other = secure("other", good, here)) {
      TestEngine.assertFailed(initiator.submit(Operation.WRITE, "target", target.address(), BYTES));
      said("Refused ", "data port");
      serves(target, other);
    }
  }

  @ParameterizedTest
  @MethodSource("providers")
  void oneThatHasNone(TlsProvider here, TlsProvider there) {
    try (TestEngine secure = secure("secure", good, there);
        TestEngine plain = named("plain", builder -> builder);
        TestEngine other = secure("other", good, here)) {
      isTold(other, plain, "without TLS");
      isTold(plain, secure, "it wants TLS, and TE_TLS is off here");
      said("it wants TLS, and TE_TLS is off here");
      serves(secure, other);
    }
  }

  @Test
  void boringSslTakesNoContextOfTheProgram() {
    EngineConfig config =
        EngineConfigs.named("own", server)
            .tls(TlsMode.REQUIRED)
            .sslContext(good.context())
            .tlsProvider(TlsProvider.BORINGSSL)
            .build();
    assertThatThrownBy(() -> Engine.open(config))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_TLS_PROVIDER", "SSLContext");
  }
}
