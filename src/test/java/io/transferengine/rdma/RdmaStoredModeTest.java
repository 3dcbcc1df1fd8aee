// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Two processes that know of each other's devices, keys and ports through a metadata service. */
@Tag("rdma")
@Timeout(120)
class RdmaStoredModeTest {
  private static final int LENGTH = 1 << 20;

  @Test
  void segmentsAreNamesInAMetadataServer() throws Exception {
    try (HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0);
        PeerProcess peer = PeerProcess.start();
        Mapped mine = Mapped.of(LENGTH)) {
      String service = server.connectionString("127.0.0.1");
      answersOnce(service);
      RdmaPort theirs = RdmaPort.theirs();
      long status = peer.call("initialize", "decode-7", service, "rdma", theirs.device());
      assertThat(status).as("%s", peer.log()).isZero();
      long remote = peer.map(LENGTH);
      assertThat(peer.call("registerMemory", remote, LENGTH)).isZero();
      EngineConfig config =
          EngineConfig.builder("prefill-3")
              .metadataServer(service)
              .protocol("rdma")
              .deviceName(RdmaPort.ours().device())
              .requireRdma(true)
              .build();
      try (Engine engine = Engine.open(config);
          Registration _ = engine.register(mine.segment())) {
        BlockColumns blocks = BlockColumns.of(mine.address(), remote, LENGTH);
        mine.fill(1);
        RdmaPair.assertCompleted(
            engine.submit(TransferRequest.of(Operation.WRITE, "decode-7", blocks)));
        assertThat(peer.mismatch(remote, LENGTH, 1)).isEqualTo(-1);
        peer.fill(remote, LENGTH, 2);
        RdmaPair.assertCompleted(
            engine.submit(TransferRequest.of(Operation.READ, "decode-7", blocks)));
        assertThat(Pattern.firstMismatch(mine.segment(), 2, 0)).isEqualTo(-1);
        assertThat(engine.metrics().get(Counter.RDMA_PATHS_CONNECTED)).isEqualTo(1);
        assertThat(engine.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA)).isZero();
      }
    }
  }

  /** The server's first answer takes seconds in a guest on a busy machine. */
  private static void answersOnce(String service) throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpRequest anything = HttpRequest.newBuilder(URI.create(service + "?key=none")).build();
      assertThat(client.send(anything, BodyHandlers.discarding()).statusCode()).isEqualTo(404);
    }
  }
}
