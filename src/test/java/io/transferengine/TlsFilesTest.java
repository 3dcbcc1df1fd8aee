// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.reaches;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.OpenMain;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.ConfigurationException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What is wrong with TLS files is said when an engine opens, and what changes in them is used. */
@Timeout(120)
class TlsFilesTest {
  @TempDir private static Path made;
  private static TestAuthority authority;
  private static Identity one;
  private static Identity other;
  private static Identity expired;

  @TempDir private Path folder;
  private Identity used;

  @BeforeAll
  static void certificates() {
    authority = new TestAuthority(made, "authority");
    one = authority.loopback("one");
    other = authority.loopback("other");
    expired =
        authority.issue(
            "expired", "-ext", TestAuthority.LOOPBACK, "-startdate", "-10d", "-validity", "5");
  }

  @BeforeEach
  void copies() throws IOException {
    used = new Identity(folder.resolve("cert"), folder.resolve("key"), folder.resolve("ca"));
    put(one);
  }

  private void put(Identity identity) throws IOException {
    Files.copy(identity.certificate(), used.certificate(), StandardCopyOption.REPLACE_EXISTING);
    Files.copy(
        identity.key(),
        used.key(),
        StandardCopyOption.REPLACE_EXISTING,
        StandardCopyOption.COPY_ATTRIBUTES);
    Files.copy(identity.authority(), used.authority(), StandardCopyOption.REPLACE_EXISTING);
  }

  private static TestEngine open(Identity identity) {
    return new TestEngine(4096, builder -> TlsTransferTest.with(builder, identity));
  }

  private void isRefused(String option, Path file, String... parts) {
    assertThatThrownBy(() -> open(used).close())
        .isInstanceOfSatisfying(
            ConfigurationException.class, e -> assertThat(e.variable()).isEqualTo(option))
        .hasMessageContaining(file.toString())
        .hasMessageContainingAll(parts);
  }

  @Test
  void aFileThatIsNotThere() throws IOException {
    Files.delete(used.authority());
    isRefused("TE_TLS_CA", used.authority(), "there is no such file");
    Files.delete(used.key());
    isRefused("TE_TLS_KEY", used.key(), "there is no such file");
    Files.delete(used.certificate());
    isRefused("TE_TLS_CERT", used.certificate(), "there is no such file");
  }

  /** In a process of its own: as root we may read everything, unless we give that right away. */
  @Test
  void aFileThatMayNotBeRead() throws Exception {
    Files.setPosixFilePermissions(used.certificate(), PosixFilePermissions.fromString("---------"));
    boolean mayReadAll = Files.isReadable(used.certificate());
    ChildJvm.Result result =
        ChildJvm.run(
            mayReadAll
                ? List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search")
                : List.of(),
            List.of("--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of(
                "TE_TLS=required",
                "TE_TLS_CERT=" + used.certificate(),
                "TE_TLS_KEY=" + used.key(),
                "TE_TLS_CA=" + used.authority()),
            OpenMain.class,
            "tcp");
    assertThat(result.output())
        .contains("TE_TLS_CERT", used.certificate().toString(), "may not read it", "permissions");
  }

  @Test
  void aFileWithSomethingElse() throws IOException {
    Files.writeString(used.authority(), "");
    isRefused("TE_TLS_CA", used.authority(), "there is no certificate in it");
    Files.copy(one.certificate(), used.key(), StandardCopyOption.REPLACE_EXISTING);
    isRefused("TE_TLS_KEY", used.key(), "there is no private key in it", "openssl pkcs8");
    Files.writeString(used.key(), "-----BEGIN EC PRIVATE KEY-----\nAAAA\n");
    isRefused("TE_TLS_KEY", used.key(), "another form than PKCS #8", "openssl pkcs8");
    Files.writeString(used.certificate(), "-----BEGIN CERTIFICATE-----\nAAAA\n");
    isRefused("TE_TLS_CERT", used.certificate(), "a PEM file with a certificate");
  }

  @Test
  void aKeyOfAnotherCertificate() throws IOException {
    Files.copy(other.key(), used.key(), StandardCopyOption.REPLACE_EXISTING);
    Files.setPosixFilePermissions(used.key(), PosixFilePermissions.fromString("rw-------"));
    isRefused(
        "TE_TLS_KEY",
        used.key(),
        "it is not the key of the certificate in " + used.certificate(),
        "TE_TLS_CERT");
  }

  @Test
  void aKeyThatEverybodyMayRead() throws IOException {
    Files.setPosixFilePermissions(used.key(), PosixFilePermissions.fromString("rw-r--r--"));
    isRefused("TE_TLS_KEY", used.key(), "everybody on this machine", "chmod o= " + used.key());
    Files.setPosixFilePermissions(used.key(), PosixFilePermissions.fromString("rw-r-----"));
    open(used).close();
  }

  @Test
  void anExpiredCertificate() throws IOException {
    put(expired);
    isRefused("TE_TLS_CERT", used.certificate(), "it expired on", "a new certificate");
  }

  @Test
  void anOptionThatIsMissing() {
    assertThatThrownBy(
            () ->
                new TestEngine(4096, builder -> TlsTransferTest.with(builder, one).tlsCa(""))
                    .close())
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContainingAll("TE_TLS_CA", "TE_TLS is required");
  }

  @Test
  void plainPeersThatAreNoAddresses() {
    for (String wrong : new String[] {"localhost", "10.0.0.0/33", "10.0.0.0/x", "::1/129"}) {
      assertThatThrownBy(
              () ->
                  new TestEngine(
                          4096, builder -> TlsTransferTest.with(builder, one).tlsPlainPeers(wrong))
                      .close())
          .as(wrong)
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("TE_TLS_PLAIN_PEERS", wrong);
    }
  }

  /** The facade has no exceptions. */
  @Test
  void theFacadeGivesAStatus() throws IOException {
    Files.setPosixFilePermissions(used.key(), PosixFilePermissions.fromString("rw-r--r--"));
    try (PeerProcess peer = PeerProcess.start(used.variables())) {
      assertThat(peer.call("initialize", "127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isNegative();
      TestEngine.eventually(
          "the remedy in " + peer.log(),
          () -> peer.log().stream().anyMatch(line -> line.contains("chmod o= " + used.key())));
    }
  }

  @Test
  void aCertificateWithoutTlsIsSaidToBeWithoutEffect() {
    try (LogCapture log = new LogCapture()) {
      new TestEngine(4096, builder -> builder.tlsCert(one.certificate().toString())).close();
      assertThat(log.count("TE_TLS_CERT is set, but TE_TLS is off")).isEqualTo(1);
    }
  }

  /** New connections use new files; broken ones leave the old in use, with one warning. */
  @Test
  void changedFilesAreUsedWithoutARestart() throws IOException {
    TestAuthority stranger = new TestAuthority(folder, "stranger");
    Identity theirs = stranger.loopback("theirs");
    try (LogCapture log = new LogCapture();
        TestEngine target = open(used);
        TestEngine ours = open(one);
        TestEngine strangers = open(theirs)) {
      TestEngine.serves(target, ours);
      Files.writeString(used.certificate(), "no certificate");
      TestEngine.eventually("one warning", () -> log.count("cannot be used") == 1);
      TestEngine.serves(target, ours);
      assertThatThrownBy(() -> strangers.engine.probe(target.engine.segmentName()))
          .hasMessageContaining("TE_TLS_CA");

      put(theirs);
      TestEngine.eventually("new certificates are used", () -> reaches(strangers, target));
      TestEngine.serves(target, strangers);
      assertThatThrownBy(() -> ours.engine.probe(target.engine.segmentName()))
          .hasMessageContaining("TE_TLS_CA");
      assertThat(target.count(Counter.TLS_CONNECTIONS_REFUSED)).isPositive();
    }
  }
}
