// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.services.ForeignHttpService;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Engines against records and peers as C++ engines of September 2026 make them, by hand. */
@Timeout(120)
class SeptemberPeerTest {
  private static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** Answers each Metadata request with the same text. */
  private static ServerSocket peer(String descriptor) throws IOException {
    ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual()
        .start(
            () -> {
              while (!server.isClosed()) {
                try (Socket socket = server.accept()) {
                  byte[] length = socket.getInputStream().readNBytes(8);
                  long bytes = ByteBuffer.wrap(length).order(ByteOrder.LITTLE_ENDIAN).getLong();
                  byte[] _ = socket.getInputStream().readNBytes(Math.toIntExact(bytes));
                  byte[] json =
                      utf8(descriptor.replace("PORT", Integer.toString(server.getLocalPort())));
                  ByteBuffer frame =
                      ByteBuffer.allocate(9 + json.length).order(ByteOrder.LITTLE_ENDIAN);
                  frame.putLong(1 + json.length).put((byte) 1).put(json);
                  socket.getOutputStream().write(frame.array());
                } catch (IOException e) {
                  // The test is over, or the next one.
                }
              }
            });
    return server;
  }

  @Test
  void aPeerOfSharedMemoryAloneIsNamedInBothModes() throws IOException {
    String shm =
        "{\"buffers\":[{\"addr\":4096,\"length\":64,\"name\":\"127.0.0.1:PORT\",\"protocol\":"
            + "\"shm\",\"shm_name\":\"/mooncake_7_abcdefgh\"}],\"metadata_version\":0,"
            + "\"name\":\"127.0.0.1:PORT\",\"protocol\":\"shm\",\"tcp_data_port\":0,"
            + "\"tcp_proto_version\":1,\"timestamp\":\"\"}\n";
    try (ServerSocket peer = peer(shm);
        Engine engine = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build())) {
      assertThatThrownBy(() -> engine.openSegment("127.0.0.1:" + peer.getLocalPort()))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("the peer offers shared memory only (MC_FORCE_SHM)");
    }
    try (ForeignHttpService service = new ForeignHttpService();
        Engine engine = Engine.open(EngineConfigs.named("a", service.connectionString()).build())) {
      service.records().put("mooncake%2Fram%2Fp", utf8(shm));
      assertThatThrownBy(() -> engine.openSegment("p"))
          .isInstanceOf(TransferException.class)
          .hasMessageContainingAll(
              "offers shared memory only (MC_FORCE_SHM)", "record mooncake/ram/p");
    }
  }

  @Test
  void anOlderDescriptorThanTheOneInUseIsDroppedAndCounted() {
    try (ForeignHttpService service = new ForeignHttpService();
        Engine peer =
            Engine.open(
                EngineConfigs.named("p", service.connectionString())
                    .metadataTtlSeconds(600)
                    .build());
        Engine engine = Engine.open(EngineConfigs.named("i", service.connectionString()).build());
        Allocation block = peer.allocate(4096)) {
      SegmentDescriptor good = engine.core().describe("p");
      assertThat(good.buffers().getFirst().address()).isEqualTo(block.address());
      assertThat(good.metadataVersion()).isPositive();
      byte[] older =
          MetadataCodec.encode(
              good.toBuilder()
                  .buffers(List.of())
                  .metadataVersion(good.metadataVersion() - 1)
                  .build());
      service.records().put("mooncake%2Fram%2Fp", older);
      assertThat(engine.core().describe("p")).isEqualTo(good);
      assertThat(engine.metrics().get(Counter.STALE_DESCRIPTORS)).isOne();
      byte[] unversioned =
          MetadataCodec.encode(good.toBuilder().buffers(List.of()).metadataVersion(0).build());
      service.records().put("mooncake%2Fram%2Fp", unversioned);
      assertThat(engine.core().describe("p").buffers()).isEmpty();
    }
  }

  @Test
  void aPeerWhoseRpcHostMovedIsReachedThereAndOldConnectionsRetire() {
    try (ForeignHttpService service = new ForeignHttpService();
        Engine peer =
            Engine.open(
                EngineConfigs.named("p", service.connectionString())
                    .metadataTtlSeconds(600)
                    .build());
        TestEngine here =
            new TestEngine(4096, builder -> EngineConfigs.named("i", service.connectionString()));
        Allocation block = peer.allocate(4096)) {
      TestEngine.assertCompleted(here.submit(Operation.WRITE, "p", block.address(), 4096));
      long before = here.engine.metrics().get(Counter.CONNECTIONS_OPENED);
      service
          .records()
          .put(
              "mooncake%2Frpc_meta%2Fp",
              utf8("{\"ip_or_host_name\":\"127.0.0.9\",\"rpc_port\":" + peer.rpcPort() + "}"));
      var _ = here.engine.core().describe("p");
      TestEngine.eventually(
          "a transfer over a new connection",
          () -> {
            TestEngine.assertCompleted(here.submit(Operation.WRITE, "p", block.address(), 4096));
            return here.engine.metrics().get(Counter.CONNECTIONS_OPENED) > before;
          });
      assertThat(here.engine.metrics().get(Counter.CONNECTIONS_LOST)).isZero();
      here.engine.probe("p");
    }
  }

  @Test
  void aDataHostOfItsOwnIsTold() {
    try (Engine engine =
            Engine.open(
                EngineConfig.builder("127.0.0.1")
                    .protocol("tcp")
                    .advertisedDataHost("127.0.0.5")
                    .build());
        Engine same =
            Engine.open(
                EngineConfig.builder("127.0.0.1")
                    .protocol("tcp")
                    .advertisedDataHost("127.0.0.1")
                    .build())) {
      assertThat(same.core().describe(engine.segmentName()).tcpDataHost()).isEqualTo("127.0.0.5");
      assertThat(engine.core().describe(same.segmentName()).tcpDataHost()).isEmpty();
      assertThat(engine.core().describe(same.segmentName()).metadataVersion()).isZero();
    }
  }

  @Test
  void aPasswordInTheAddressIsNeitherTakenNorShown() {
    try (LogCapture log = new LogCapture()) {
      for (String address :
          List.of(
              "redis://:s3cret@127.0.0.1:6379",
              "redis://user:s3cret@127.0.0.1:6379",
              "redis://user:s3/cret@127.0.0.1:6379",
              "redis://:s3%2Fcret!s3cret@127.0.0.1:6379",
              "etcd://root:s3cret,s3cret@127.0.0.1:2379",
              "etcd://root:s3cret@127.0.0.1:2379;root:s3cret@127.0.0.2:2379",
              "root:s3cret@127.0.0.1:2379",
              "http://root:s3cret@127.0.0.1:8080/metadata",
              "ftp://root:s3cret@127.0.0.1")) {
        try (TransferEngine engine = new TransferEngine()) {
          assertThat(engine.initialize("127.0.0.1", address, "tcp", "")).isNegative();
        }
        assertThatThrownBy(() -> Engine.open(EngineConfigs.named("a", address).build()))
            .satisfies(e -> assertThat(trace(e)).doesNotContain("s3cret", "s3/cret", "cret@"));
      }
      assertThat(log.warnings())
          .noneMatch(line -> line.contains("cret"))
          .anyMatch(line -> line.contains("MC_REDIS_USERNAME and MC_REDIS_PASSWORD"))
          .anyMatch(line -> line.contains("TE_ETCD_USERNAME and TE_ETCD_PASSWORD"));
    }
  }

  private static String trace(Throwable e) {
    StringBuilder all = new StringBuilder();
    for (Throwable t = e; t != null; t = t.getCause()) {
      all.append(t).append('\n');
    }
    return all.toString();
  }
}
