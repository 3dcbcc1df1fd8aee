// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.CommandRun;
import io.transferengine.cli.doctor.CheckResult.Verdict;
import io.transferengine.diagnostics.EngineEnvironment;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.testkit.TokenFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What the doctor says of TLS. What it finds in files, {@code TlsCheckTest} looks at. */
@Timeout(120)
class TlsChecksTest {
  @TempDir private static Path made;
  private static Identity identity;

  private final Map<String, String> variables = new HashMap<>();

  @BeforeAll
  static void certificates() {
    identity = new TestAuthority(made, "authority").issue("one", "-ext", "san=dns:node1");
  }

  @BeforeEach
  void required() {
    variables.putAll(identity.variables());
  }

  private List<CheckResult> results(Optional<String> serverName, String... ownNames) {
    return TlsChecks.all(
        EngineEnvironment.of(variables), serverName, List.of(ownNames), "./te certs DIR");
  }

  /** {@return what is said of TLS; the last line is about tokens} */
  private List<CheckResult> tls(Optional<String> serverName, String... ownNames) {
    List<CheckResult> all = results(serverName, ownNames);
    List<CheckResult> tls = new ArrayList<>(all.subList(0, all.size() - 1));
    boolean _ = tls.removeIf(result -> result.what().equals("TLS of data"));
    return tls;
  }

  private CheckResult ofData(String provider, Identity of) {
    variables.putAll(of.variables());
    variables.put("TE_TLS_PROVIDER", provider);
    return results(Optional.empty(), "node1").stream()
        .filter(
            result -> result.what().equals("TLS of data") || result.verdict() == Verdict.MISSING)
        .findFirst()
        .orElseThrow();
  }

  /** What an engine with the same options does, {@code TlsKeysTest} and others look at. */
  @Test
  void whoEncryptsTheDataIsSaid() {
    is(ofData("auto", identity), "TLS of data", Verdict.OK, "encrypted by BoringSSL");
    is(ofData("boringssl", identity), "TLS of data", Verdict.OK, "encrypted by BoringSSL");
    is(
        ofData("jdk", identity),
        "TLS of data",
        Verdict.OK,
        "encrypted by the JDK's: TE_TLS_PROVIDER says so");
    Identity ed25519 =
        new TestAuthority(made, "another")
            .issue("ed25519", "-ext", "san=dns:node1", "-keyalg", "Ed25519");
    is(
        ofData("auto", ed25519),
        "TLS of data",
        Verdict.OK,
        "encrypted by the JDK's: of BoringSSL, it cannot use our certificate and key",
        "EdDSA");
    is(
        ofData("boringssl", ed25519),
        "TLS",
        Verdict.MISSING,
        "TE_TLS_PROVIDER",
        "a key of another kind");
  }

  private static void is(CheckResult result, String what, Verdict verdict, String... parts) {
    assertThat(result.what()).isEqualTo(what);
    assertThat(result.verdict()).as(result.text()).isEqualTo(verdict);
    assertThat(result.text()).contains(parts);
  }

  @Test
  void withoutTlsItSaysWhatThatMeans() {
    variables.clear();
    List<CheckResult> results = tls(Optional.empty(), "node1");
    assertThat(results).hasSize(1);
    is(results.getFirst(), "TLS", Verdict.NO, "TE_TLS is off", "./te certs DIR");
  }

  @Test
  void optionsThatContradictAreSaid() {
    variables.put("TE_TLS", "off");
    List<CheckResult> results = tls(Optional.empty(), "node1");
    assertThat(results).hasSize(2);
    is(results.getLast(), "TLS", Verdict.NO, "TE_TLS_CERT, TE_TLS_KEY, TE_TLS_CA are set");
  }

  /** Where nobody says by which name peers connect, one that does not fit is no fault. */
  @Test
  void eachNameOfThisMachineIsTried() {
    List<CheckResult> results = tls(Optional.empty(), "node1", "10.0.0.1");
    assertThat(results).hasSize(3);
    is(results.getFirst(), "TLS", Verdict.OK, "required", "node1", "89 days");
    is(results.get(1), "TLS as node1", Verdict.OK, "accept");
    is(results.get(2), "TLS as 10.0.0.1", Verdict.NO, "other names", "add this one");
  }

  /** What peers are told is what they use. */
  @Test
  void aNameThatPeersAreToldHasToBeInIt() {
    variables.put("TE_ADVERTISED_DATA_HOST", "10.0.0.2");
    List<CheckResult> results = tls(Optional.of("node1:12345"), "ignored");
    assertThat(results).hasSize(3);
    is(results.get(1), "TLS as 10.0.0.2", Verdict.MISSING, "other names");
    is(results.get(2), "TLS as node1", Verdict.OK, "accept");
    variables.put("TE_ADVERTISED_DATA_HOST", "node1");
    assertThat(tls(Optional.of("node1")))
        .extracting(CheckResult::what)
        .containsExactly("TLS", "TLS as node1");
  }

  /** The same words as when an engine opens. */
  @Test
  void aFileThatKeepsAnEngineFromOpeningIsMissing() throws IOException {
    Path key = made.resolve("open.key");
    Files.copy(identity.key(), key);
    Files.setPosixFilePermissions(key, PosixFilePermissions.fromString("rw-r--r--"));
    variables.put("TE_TLS_KEY", key.toString());
    List<CheckResult> results = tls(Optional.empty(), "node1");
    assertThat(results).hasSize(1);
    is(results.getFirst(), "TLS", Verdict.MISSING, "everybody", "chmod o= " + key);
    variables.remove("TE_TLS_KEY");
    is(tls(Optional.empty()).getFirst(), "TLS", Verdict.MISSING, "TE_TLS_KEY");
  }

  @Test
  void tokensAreNamedAndTheirSecretsAreNot() {
    is(results(Optional.empty()).getLast(), "token", Verdict.NO, "TE_TOKEN_FILE is not set");
    Path file = made.resolve("tokens");
    variables.put("TE_TOKEN_FILE", TokenFiles.write(file, "one " + TokenFiles.SECRET).toString());
    is(results(Optional.empty()).getLast(), "token", Verdict.OK, "proves one, and", "this one");
    var _ = TokenFiles.write(file, "one " + TokenFiles.SECRET, "two " + TokenFiles.OTHER_SECRET);
    CheckResult both = results(Optional.empty()).getLast();
    is(both, "token", Verdict.OK, "proves one, and accepts also two");
    assertThat(both.text()).doesNotContain(TokenFiles.SECRET, TokenFiles.OTHER_SECRET);
  }

  @Test
  void aTokenFileThatKeepsAnEngineFromOpeningIsMissing() {
    Path file = made.resolve("short");
    variables.put("TE_TOKEN_FILE", TokenFiles.write(file, "one short").toString());
    is(results(Optional.empty()).getLast(), "token", Verdict.MISSING, file.toString(), "32");
    variables.put("TE_TOKEN_FILE", made.resolve("none").toString());
    is(results(Optional.empty()).getLast(), "token", Verdict.MISSING, "no such file");
  }

  /** The doctor's other checks do not need certificates for the loopback. */
  @Test
  void theWholeReport() throws Exception {
    ProcessBuilder builder = CommandRun.builder("doctor");
    builder.environment().putAll(variables);
    builder.environment().put("MC_LOCAL_SERVER_NAME", "node1");
    Path tokens = TokenFiles.write(made.resolve("whole"), "one " + TokenFiles.SECRET);
    builder.environment().put("TE_TOKEN_FILE", tokens.toString());
    CommandRun run = CommandRun.wait(builder.start());
    assertThat(run.status()).as("%s", run).isZero();
    assertThat(run.output())
        .containsPattern("TLS +ok +required")
        .containsPattern("TLS of data +ok +encrypted by the JDK's: TE_TLS_PROVIDER says so")
        .containsPattern("TLS as node1 +ok")
        .containsPattern("token +ok +required; this engine proves one")
        .containsPattern("self-test +ok");
    assertThat(run.error()).isEmpty();
  }
}
