// SPDX-License-Identifier: Apache-2.0
package io.transferengine.tls;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.config.Settings;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is found in the files before an engine opens: at the edges, and by a handshake. */
@Timeout(60)
class TlsCheckTest {
  @TempDir private static Path made;
  private static TestAuthority authority;
  private static Identity usual;

  @TempDir private Path folder;

  @BeforeAll
  static void certificates() {
    authority = new TestAuthority(made, "authority");
    usual =
        authority.issue("usual", "-ext", "san=dns:node1,dns:*.pods.example,ip:10.0.0.7,ip:fd00::7");
  }

  private static Settings settings(Identity identity, String... more) {
    Map<String, String> variables = new HashMap<>(identity.variables());
    for (int i = 0; i < more.length; i += 2) {
      variables.put(more[i], more[i + 1]);
    }
    return Settings.fromMap(variables);
  }

  private static TlsCheck check(Identity identity, String... more) {
    return TlsCheck.of(settings(identity, more)).orElseThrow();
  }

  private static Instant expiry(Identity identity) {
    return TlsMaterial.of(settings(identity)).expiry();
  }

  @Test
  void aCertificateIsValidToItsLastSecond() {
    Instant last = expiry(usual);
    TlsMaterial.of(settings(usual), last);
    assertThatThrownBy(() -> TlsMaterial.of(settings(usual), last.plusMillis(1)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll(
            "TE_TLS_CERT", usual.certificate().toString(), "it expired on", "a new certificate");
  }

  @Test
  void aCertificateIsValidFromItsFirstSecond() {
    Instant first = TlsMaterial.of(settings(usual)).chain().getFirst().getNotBefore().toInstant();
    TlsMaterial.of(settings(usual), first);
    assertThatThrownBy(() -> TlsMaterial.of(settings(usual), first.minusMillis(1)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_TLS_CERT", "it is valid only from", "clock");
  }

  @Test
  void whatExpiresSoonIsSaidWithTheDays() {
    TlsMaterial material = TlsMaterial.of(settings(usual));
    Instant soon = material.expiry().minus(TlsMaterial.SOON);
    assertThat(material.warnings(soon)).isEmpty();
    assertThat(material.warnings(soon.plusMillis(1)))
        .singleElement()
        .asString()
        .contains(usual.certificate().toString(), "expires in 13 days", "TE_TLS_KEY");
    Instant end = material.expiry();
    assertThat(material.warnings(end.minus(Duration.ofDays(1))).getFirst()).contains("in 1 day,");
    assertThat(material.warnings(end.minus(Duration.ofHours(23))).getFirst())
        .contains("in less than a day");
    assertThat(check(usual).warnings()).isEmpty();
    Identity short13 = authority.issue("short", "-validity", "13");
    assertThat(check(short13).warnings().getFirst()).contains("expires in 12 days");
  }

  /** Peers look at those between a certificate and its authority, too. */
  @Test
  void anExpiredCertificateOfTheChainIsFound() throws IOException {
    Identity between =
        authority.issue("between", "-ext", "bc:c", "-startdate", "-10d", "-validity", "5");
    Identity below = authority.issue("below", "-signer", "between");
    Path chain = folder.resolve("chain.pem");
    Files.writeString(
        chain, Files.readString(below.certificate()) + Files.readString(between.certificate()));
    Identity both = new Identity(chain, below.key(), below.authority());
    assertThatThrownBy(() -> TlsMaterial.of(settings(both)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll(
            chain.toString(), "the certificate of CN=between in it expired on");
  }

  @Test
  void namesAreThoseThatPeersWouldCompare() {
    TlsCheck check = check(usual);
    assertThat(check.names()).contains("node1", "*.pods.example", "10.0.0.7");
    for (String good : new String[] {"node1", "NODE1", "a.pods.example", "10.0.0.7", "fd00::7"}) {
      assertThat(check.refusal(good)).as(good).isEmpty();
    }
    for (String other :
        new String[] {"node2", "a.b.pods.example", "pods.example", "10.0.0.8", "fd00::8"}) {
      assertThat(check.refusal(other))
          .as(other)
          .hasValueSatisfying(
              why ->
                  assertThat(why)
                      .contains("its certificate is for other names", "subject alternative"));
    }
  }

  @Test
  void aCertificateWithoutNamesIsForNoHost() {
    TlsCheck check = check(authority.issue("nameless"));
    assertThat(check.names()).isEmpty();
    assertThat(check.refusal("node1")).isPresent();
  }

  @Test
  void ourOwnAllowListMayLeaveUsOut() {
    assertThat(check(usual, "TE_TLS_ALLOW", "node2, node1").refusal("node1")).isEmpty();
    assertThat(check(usual, "TE_TLS_ALLOW", "node2").refusal("node1"))
        .hasValueSatisfying(
            why -> assertThat(why).contains("TE_TLS_ALLOW, which is [node2]", "10.0.0.7"));
  }

  @Test
  void aCertificateOfAnotherAuthorityIsFound() {
    TestAuthority other = new TestAuthority(folder, "other");
    assertThat(check(usual.believing(other)).refusal("node1"))
        .hasValue("its certificate is signed by none of the authorities in TE_TLS_CA");
  }

  /** Public authorities sign such; both engines connect, so both usages are needed. */
  @Test
  void aCertificateForServersOnlyIsFound() {
    Identity server = authority.issue("server", "-ext", "san=dns:node1", "-ext", "eku=serverAuth");
    assertThat(check(server).refusal("node1"))
        .hasValueSatisfying(why -> assertThat(why).contains("serverAuth and clientAuth"));
    Identity both =
        authority.issue("both", "-ext", "san=dns:node1", "-ext", "eku=serverAuth,clientAuth");
    assertThat(check(both).refusal("node1")).isEmpty();
  }

  @Test
  void optionsWithoutEffectAreSaid() {
    assertThat(TlsCheck.of(Settings.fromMap(Map.of()))).isEmpty();
    assertThat(TlsCheck.warnings(Settings.fromMap(Map.of()))).isEmpty();
    assertThat(
            TlsCheck.warnings(
                Settings.fromMap(Map.of("TE_TLS_KEY", "k", "TE_TLS_PLAIN_PEERS", "10.0.0.1"))))
        .singleElement()
        .asString()
        .contains("TE_TLS_KEY, TE_TLS_PLAIN_PEERS are set, but TE_TLS is off");
    assertThat(PeerTls.warnings(settings(usual), true))
        .singleElement()
        .asString()
        .contains("TE_TLS_CERT, TE_TLS_KEY, TE_TLS_CA are set", "SSLContext");
    assertThat(check(usual, "TE_TLS_PLAIN_PEERS", "0.0.0.0/0").warnings())
        .singleElement()
        .asString()
        .contains("0.0.0.0/0 is in TE_TLS_PLAIN_PEERS");
  }
}
