// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.PeerIdentity;
import io.transferengine.config.Settings;
import io.transferengine.metrics.recording.Audit;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.tls.PeerTls;
import io.transferengine.transfer.HostPort;
import io.transferengine.wire.HandshakeDescriptor;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Who asked, and who answered, on the handshake port. */
@Timeout(60)
class HandshakeIdentityTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final InetAddress HERE = InetAddress.ofLiteral("127.0.0.1");
  private static final PeerIdentity UNPROVED = PeerIdentity.unproved(HERE);

  @TempDir private static Path folder;
  private static Identity asking;
  private static Identity answering;
  private static Identity nameless;

  private final RecordingHandler handler = new RecordingHandler();

  @BeforeAll
  static void certificates() {
    TestAuthority authority = new TestAuthority(folder, "authority");
    asking = authority.issue("asking", "-ext", "san=dns:a.example,uri:spiffe://x/a");
    answering = authority.issue("answering", "-ext", "san=ip:127.0.0.1,dns:b.example");
    nameless = authority.issue("nameless");
  }

  private static PeerTls tls(Map<String, String> variables) {
    return PeerTls.of(
        Settings.fromMap(variables), Optional.empty(), new Audit(new EngineMetrics()));
  }

  private static Map<String, String> exceptHere(Identity identity) {
    Map<String, String> variables = new HashMap<>(identity.variables());
    variables.put("TE_TLS_PLAIN_PEERS", "127.0.0.1");
    return variables;
  }

  /** {@return who answered; the handler knows who asked} */
  private PeerIdentity connect(PeerTls from, PeerTls to) {
    try (HandshakeDaemon daemon =
            new HandshakeDaemon(
                HandshakeDaemonOptions.DEFAULT.withListenAddress("127.0.0.1").withPort(0),
                handler,
                to);
        HandshakeClient client = new HandshakeClient(LIMIT, 1 << 20, from)) {
      HandshakeDescriptor request = new HandshakeDescriptor("a@x", "b@y", List.of(1L), 0, "");
      return client.connect(new HostPort("127.0.0.1", daemon.port()), request, LIMIT).from();
    }
  }

  @Test
  void bothSidesKnowWhatTheOtherHasProved() {
    PeerIdentity answered = connect(tls(asking.variables()), tls(answering.variables()));
    assertThat(handler.peers)
        .containsExactly(PeerIdentity.proved(HERE, List.of("a.example", "spiffe://x/a")));
    assertThat(answered).isEqualTo(PeerIdentity.proved(HERE, List.of("127.0.0.1", "b.example")));
  }

  @Test
  void withoutTlsNothingIsProved() {
    assertThat(connect(PeerTls.off(), PeerTls.off())).isEqualTo(UNPROVED);
    assertThat(handler.peers).containsExactly(UNPROVED);
  }

  /** It could prove something, and is not asked to. */
  @Test
  void whoIsListedAsPlainHasProvedNothing() {
    assertThat(connect(tls(exceptHere(asking)), tls(exceptHere(answering)))).isEqualTo(UNPROVED);
    assertThat(connect(PeerTls.off(), tls(exceptHere(answering)))).isEqualTo(UNPROVED);
    assertThat(handler.peers).containsExactly(UNPROVED, UNPROVED);
  }

  /** An authority of ours vouches for it, and not for any name. */
  @Test
  void aCertificateWithoutNamesProvesNone() {
    PeerIdentity answered = connect(tls(nameless.variables()), tls(answering.variables()));
    assertThat(handler.peers).containsExactly(UNPROVED);
    assertThat(answered.isProved()).isTrue();
  }
}
