// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.wire.Golden;
import io.transferengine.wire.SegmentDescriptor;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Records in the words of a C++ engine, recorded; and ours in the same words. */
@Timeout(120)
class MetadataGoldenTest {
  private static final Duration TIME = Duration.ofSeconds(20);

  /** What the recorded server answered for goldT: its descriptor, then its address. */
  private static List<String> goldT() {
    String answers =
        new String(
            Golden.bytes("http-tcp-v2/02-port18080-response.bin"), StandardCharsets.US_ASCII);
    return Stream.of("{\"buffers\"", "{\"ip_or_host_name\"")
        .map(
            start -> {
              String found = answers.substring(answers.indexOf(start));
              return found.substring(0, found.indexOf("HTTP/1.1"));
            })
        .toList();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static void assertGoldTIsFound(TestService service) {
    try (Engine engine =
        Engine.open(EngineConfigs.named("i", service.connectionString()).build())) {
      SegmentDescriptor found = engine.core().describe("goldT");
      assertThat(found.name()).isEqualTo("goldT");
      assertThat(found.tcpDataPort()).isEqualTo(15022);
      assertThat(found.tcpProtoVersion()).isEqualTo(2);
      assertThat(found.buffers()).hasSize(1);
      assertThat(found.buffers().getFirst().address()).isEqualTo(140512806711296L);
      assertThat(found.buffers().getFirst().lengthBytes()).isEqualTo(65_536);
    }
  }

  @Test
  void recordedRecordsAreFoundOverHttp() {
    try (ForeignHttpService service = new ForeignHttpService()) {
      service.records().put("mooncake%2Fram%2FgoldT", bytes(goldT().get(0)));
      service.records().put("mooncake%2Frpc_meta%2FgoldT", bytes(goldT().get(1)));
      assertGoldTIsFound(service);
    }
  }

  @Test
  void recordedRecordsAreFoundInRedis() {
    try (TestService service = RedisService.plain();
        MetadataStore store =
            MetadataStores.open(service.connectionString(), Settings.fromMap(Map.of()))
                .orElseThrow()) {
      store.replace("mooncake/ram/goldT", Optional.empty(), bytes(goldT().get(0) + "\n"), TIME);
      store.replace(
          "mooncake/rpc_meta/goldT", Optional.empty(), bytes(goldT().get(1) + "\n"), TIME);
      assertGoldTIsFound(service);
    }
  }

  @Test
  void ourRequestsAndRecordsAreAsTheRecordedOnes() {
    String recorded =
        new String(Golden.bytes("http-tcp-v2/02-port18080-request.bin"), StandardCharsets.US_ASCII);
    try (ForeignHttpService service = new ForeignHttpService()) {
      Engine engine = Engine.open(EngineConfigs.named("goldA", service.connectionString()).build());
      String rpcMeta = text(service, "mooncake%2Frpc_meta%2FgoldA");
      String ram = text(service, "mooncake%2Fram%2FgoldA");
      int port = engine.rpcPort();
      engine.close();
      // What newer peers have besides: versions, members of our own.
      String versions = "\"metadata_version\":[0-9]+,";
      assertThat(recorded)
          .contains(rpcMeta.replaceAll(versions, "").replace(Integer.toString(port), "15272"));
      assertThat(recorded)
          .contains(
              ram.replaceAll(versions, "")
                  .replaceAll("\"te_[a-z_]+\":(\"[0-9a-f]*\"|[0-9]+),", "")
                  .replaceFirst("\"tcp_data_port\":[0-9]+", "\"tcp_data_port\":15113")
                  .replaceFirst(
                      "\"timestamp\":\"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\\.[0-9]{6}\"",
                      "\"timestamp\":\"2026-11-22 10:22:56.103559\""));
      for (String line : recorded.split("\r\n", -1)) {
        int at = line.lastIndexOf("/metadata?");
        if (at >= 0 && line.contains("goldA")) {
          String method = line.substring(0, at).replaceFirst("^.*\\}", "").strip();
          String query = line.substring(at + "/metadata?".length()).replace(" HTTP/1.1", "");
          if (query.endsWith("goldA")) {
            assertThat(service.requests()).contains(method + " " + query);
          }
        }
      }
      assertThat(service.records()).isEmpty();
    }
  }

  private static String text(ForeignHttpService service, String key) {
    byte[] value = service.records().get(key);
    assertThat(value).as(key).isNotNull();
    return value == null ? "" : new String(value, StandardCharsets.US_ASCII);
  }
}
