// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.cli.CommandRun;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Engines and the doctor with {@code ./te metadata-server} over mutual TLS and with tokens. */
@Timeout(240)
class SecuredMetadataServerTest {
  private static final int BYTES = 1 << 20;

  @TempDir private static Path folder;
  private static TestAuthority authority;
  private static Process process;
  private static String server;

  @BeforeAll
  static void start() throws IOException {
    authority = new TestAuthority(folder, "authority");
    Identity own = authority.loopback("server");
    Path tokens =
        TokenFiles.write(
            folder.resolve("tokens"), "one " + TokenFiles.SECRET, "two " + TokenFiles.OTHER_SECRET);
    process =
        CommandRun.start(
            "metadata-server",
            "--host=127.0.0.1",
            "--port=0",
            "--tls-cert=" + own.certificate(),
            "--tls-key=" + own.key(),
            "--tls-client-ca=" + authority.certificate(),
            "--token-file=" + tokens);
    // The stream stays open: the process would end at its next line.
    BufferedReader output =
        new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8));
    String first = String.valueOf(output.readLine());
    assertThat(first).matches("listening on https://127\\.0\\.0\\.1:[0-9]+/metadata");
    server = first.substring("listening on ".length());
  }

  @AfterAll
  static void stop() {
    process.destroyForcibly();
  }

  private static Map<String, String> variables(String name, String secret) {
    Identity identity = authority.issue(name, "-ext", "san=dns:" + name);
    Map<String, String> variables = new HashMap<>();
    variables.put("TE_METADATA_TLS_CA", authority.certificate().toString());
    variables.put("TE_METADATA_TLS_CERT", identity.certificate().toString());
    variables.put("TE_METADATA_TLS_KEY", identity.key().toString());
    variables.put(
        "TE_METADATA_TOKEN_FILE",
        TokenFiles.write(folder.resolve(name + ".token"), "mine " + secret).toString());
    return variables;
  }

  private static Engine open(String name, Map<String, String> variables) {
    return Engine.open(EngineConfigs.named(name, server, variables).build());
  }

  @Test
  void enginesFindEachOtherAndMoveBytes() {
    try (Engine one = open("one", variables("one", TokenFiles.SECRET));
        Engine two = open("two", variables("two", TokenFiles.OTHER_SECRET));
        Allocation from = one.allocate(BYTES);
        Allocation to = two.allocate(BYTES)) {
      MemorySegment source = from.segment();
      for (int at = 0; at < BYTES; at++) {
        source.set(ValueLayout.JAVA_BYTE, at, (byte) (at * 31));
      }
      one.submit(TransferRequest.write("two", source, to.segment().address()))
          .toCompletableFuture()
          .join();
      assertThat(to.segment().mismatch(source)).isEqualTo(-1);
    }
  }

  @Test
  void anotherIdentityDoesNotGetTheNameOfALiveEngine() {
    try (Engine _ = open("held", variables("held", TokenFiles.SECRET))) {
      assertThatThrownBy(() -> open("held", variables("thief", TokenFiles.OTHER_SECRET)).close())
          .isInstanceOf(TransferException.class);
    }
  }

  @Test
  void whatIsMissingIsNamed() {
    Map<String, String> variables = variables("lacking", TokenFiles.SECRET);
    variables.remove("TE_METADATA_TOKEN_FILE");
    assertThatThrownBy(() -> open("lacking", variables).close())
        .isInstanceOf(TransferException.class)
        .hasMessageContainingAll("401", "no bearer token", "TE_METADATA_TOKEN_FILE");
    TokenFiles.write(folder.resolve("wrong"), "mine " + "x".repeat(40));
    variables.put("TE_METADATA_TOKEN_FILE", folder.resolve("wrong").toString());
    assertThatThrownBy(() -> open("lacking", variables).close())
        .hasMessageContainingAll("401", "an unknown bearer token", "--token-file");
    variables.remove("TE_METADATA_TLS_CERT");
    variables.remove("TE_METADATA_TLS_KEY");
    assertThatThrownBy(() -> open("lacking", variables).close())
        .hasMessageContaining("TE_METADATA_TLS_CERT");
  }

  @Test
  void theDoctorAsksItToo() throws Exception {
    Map<String, String> variables = variables("patient", TokenFiles.SECRET);
    ProcessBuilder builder = CommandRun.builder("doctor");
    builder.environment().putAll(variables);
    builder.environment().put("MC_METADATA_SERVER", server);
    says(builder, "metadata +ok +https://127.* answers\n");
    builder.environment().remove("TE_METADATA_TOKEN_FILE");
    says(builder, "metadata +.*TE_METADATA_TOKEN_FILE");
  }

  /** On a machine with much to do, a JVM that has just begun may be too slow for a time-out. */
  private static void says(ProcessBuilder doctor, String pattern) {
    Awaitility.await()
        .atMost(Duration.ofSeconds(150))
        .pollInterval(Duration.ofMillis(1))
        .untilAsserted(
            () -> assertThat(CommandRun.wait(doctor.start()).output()).containsPattern(pattern));
  }

  @Test
  void aTokenOnAPlainNetworkIsWarnedOf() {
    Map<String, String> variables = variables("loud", TokenFiles.SECRET);
    try (LogCapture logs = new LogCapture()) {
      assertThatThrownBy(
              () ->
                  Engine.open(
                          EngineConfigs.named("loud", "http://te.invalid:1/metadata", variables)
                              .build())
                      .close())
          .isInstanceOf(TransferException.class);
      assertThat(logs.count("TE_METADATA_TOKEN_FILE goes to http://te.invalid:1")).isOne();
      assertThat(logs.count(TokenFiles.SECRET)).isZero();
    }
  }
}
