// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.metadata;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.cli.CommandRun;
import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.TestService;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** {@code ./te metadata-server}, {@code ./te segments} and the doctor's line about the service. */
@Timeout(120)
class MetadataCommandsTest {
  private static Engine engine(String name, String server) {
    return Engine.open(
        EngineConfig.builder(name)
            .metadataServer(server)
            .protocol("tcp")
            .tcpBindAddress("127.0.0.1")
            .build());
  }

  private static String get(String url) throws IOException, InterruptedException {
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client
          .send(HttpRequest.newBuilder(URI.create(url)).build(), BodyHandlers.ofString())
          .body();
    }
  }

  @Test
  void theServerSaysWhereItListensServesAndEndsWithSigterm() throws Exception {
    Process process = CommandRun.start("metadata-server", "--host", "127.0.0.1", "--port", "0");
    try (BufferedReader output =
        new BufferedReader(
            new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
      String first = String.valueOf(output.readLine());
      assertThat(first).matches("listening on http://127\\.0\\.0\\.1:[0-9]+/metadata");
      String server = first.substring("listening on ".length());
      try (Engine engine = engine("node-a", server);
          var _ = engine.allocate(8192)) {
        assertThat(get(server.replace("/metadata", "/segments")))
            .contains("\"name\":\"node-a\"")
            .contains("\"address\":\"127.0.0.1:" + engine.rpcPort() + "\"");
        CommandRun run = CommandRun.of("segments", "--metadata-server", server);
        assertThat(run.status()).as("%s", run).isZero();
        assertThat(run.output())
            .containsPattern("node-a +127.0.0.1:" + engine.rpcPort() + " +tcp +1 .* s +yes\n");
      }
      CommandRun run = CommandRun.of("segments", "--metadata-server", server);
      assertThat(run.output()).isEqualTo("no segment is registered\n");
      // Process.destroy would close the output, too.
      assertThat(process.toHandle().destroy()).isTrue();
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
      assertThat(output.readLine()).isNull();
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void segmentsOfEtcdAreListedTheDeadOnesToo() throws Exception {
    try (TestService service = EtcdService.single();
        Engine alive = engine("alive", service.connectionString())) {
      ProcessBuilder builder = CommandRun.builder("segments");
      builder.environment().put("MC_METADATA_SERVER", service.connectionString());
      CommandRun run = CommandRun.wait(builder.start());
      assertThat(run.status()).as("%s", run).isZero();
      assertThat(run.output()).containsPattern("alive +127.0.0.1:" + alive.rpcPort());
    }
  }

  @Test
  void whereThereIsNoListTheReasonIsGiven() throws Exception {
    try (TestService service = new ForeignHttpService()) {
      CommandRun run = CommandRun.of("segments", "--metadata-server", service.connectionString());
      assertThat(run.status()).as("%s", run).isEqualTo(2);
      assertThat(run.error()).contains("cannot list its keys");
    }
    assertThat(CommandRun.of("segments", "--metadata-server", "P2PHANDSHAKE").status())
        .isEqualTo(2);
    assertThat(CommandRun.of("segments", "--metadata-server", "http://127.0.0.1:1/x").status())
        .isEqualTo(1);
  }

  @Test
  void aPortThatIsTakenFails() throws Exception {
    try (HttpMetadataServer taken = HttpMetadataServer.start("127.0.0.1", 0)) {
      CommandRun run =
          CommandRun.of(
              "metadata-server", "--host", "127.0.0.1", "--port", Integer.toString(taken.port()));
      assertThat(run.status()).as("%s", run).isEqualTo(1);
      assertThat(run.error()).contains("cannot listen on 127.0.0.1:" + taken.port());
    }
  }

  @Test
  void theDoctorAsksTheService() throws Exception {
    try (HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0)) {
      ProcessBuilder builder = CommandRun.builder("doctor");
      builder.environment().put("MC_METADATA_SERVER", server.connectionString("127.0.0.1"));
      CommandRun run = CommandRun.wait(builder.start());
      assertThat(run.output()).containsPattern("metadata +ok +http://127.* answers\n");
      builder.environment().put("MC_METADATA_SERVER", "redis://127.0.0.1:1");
      run = CommandRun.wait(builder.start());
      assertThat(run.status()).isEqualTo(1);
      assertThat(run.output()).containsPattern("metadata +.*127.0.0.1:1.*cannot be reached");
    }
  }
}
