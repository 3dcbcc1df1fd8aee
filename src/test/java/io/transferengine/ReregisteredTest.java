// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Memory that a peer has registered again, while its record in the metadata service is as before.
 */
@Timeout(60)
class ReregisteredTest {
  private static final int BYTES = 4096;

  private static Engine engine(String name, HttpMetadataServer service) {
    return Engine.open(
        EngineConfig.builder(name)
            .metadataServer(service.connectionString("127.0.0.1"))
            .listenAddress("127.0.0.1")
            .advertisedHost("127.0.0.1")
            .local(LocalMode.REQUIRED)
            .transferTimeoutSeconds(20)
            .build());
  }

  /** The peer is asked itself, which is there, though the service is away. */
  @Test
  void itIsReachedAgainThoughTheServiceDoesNotKnow() throws Exception {
    HttpMetadataServer service = HttpMetadataServer.start("127.0.0.1", 0);
    try (Arena arena = Arena.ofShared();
        Engine ours = engine("ours", service);
        Engine theirs = engine("theirs", service)) {
      MemorySegment here = arena.allocate(BYTES, BYTES);
      MemorySegment there = arena.allocate(BYTES, BYTES);
      var _ = ours.register(here);
      Registration registration = theirs.register(there);
      write(ours, here, there, (byte) 1);
      service.close();
      for (byte i = 2; i < 5; i++) {
        registration.close();
        registration = theirs.register(there);
        write(ours, here, there, i);
      }
      assertThat(ours.metrics().get(Counter.STALE_DESCRIPTORS_REPEATED)).isEqualTo(3);
    } finally {
      service.close();
    }
  }

  private static void write(Engine ours, MemorySegment here, MemorySegment there, byte value)
      throws InterruptedException {
    here.fill(value);
    Transfer transfer =
        ours.submit(
            TransferRequest.of(
                Operation.WRITE,
                "theirs",
                BlockColumns.of(here.address(), there.address(), BYTES)));
    assertThat(transfer.await(Duration.ofSeconds(30)))
        .as("%s", transfer.failure())
        .isEqualTo(TransferState.COMPLETED);
    assertThat(here.mismatch(there)).isEqualTo(-1);
  }
}
