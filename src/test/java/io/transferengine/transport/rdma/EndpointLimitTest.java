// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.RawRdmaPeer.Version;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** One address asks for queue pairs under more and more names. */
@Timeout(60)
class EndpointLimitTest {
  private static final String STRANGER = "127.0.0.2";
  private static final int LIMIT = 3;
  private static final int MESSAGES = 10;

  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));
  private final SimulatedVerbs theirs = fabric.process("theirs", List.of("sim0"));
  private final SimulatedEngine engine =
      new SimulatedEngine(
          fabric.process("ours", List.of("sim0")),
          List.of("sim0"),
          // Room for the stranger's, for those of them that are being closed, and for one more.
          Map.of("TE_RDMA_ENDPOINTS_PER_ADDRESS", "" + LIMIT, "MC_MAX_EP_PER_CTX", "12"));
  private RawRdmaPeer peer;

  @BeforeEach
  void open() throws IOException {
    peer = new RawRdmaPeer(theirs);
  }

  @AfterEach
  void close() {
    engine.close();
    peer.close();
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  /** {@return our answer to a message for a NIC of another name} */
  private String ask(String from, int index, Version version) throws IOException {
    String message =
        peer.message(version, engine.segmentName() + "@sim0", "false")
            .replace(peer.path(), "10.0.0." + index + ":1234@sim0");
    return RawRdmaPeer.ask(from, engine.rpcPort(), RawRdmaPeer.CONNECTION, message);
  }

  private static String refusal(String reply) {
    return RawRdmaPeer.text(reply, "reply_msg");
  }

  private List<RdmaEndpoint> endpoints() {
    return engine.transport().nics().getFirst().endpoints().all();
  }

  private long count(Counter counter) {
    return engine.metrics().snapshot().counters().getOrDefault(counter, 0L);
  }

  @Test
  void itGetsNoMoreThanItsShareAndTakesFromItselfOnly() throws Exception {
    try (SimulatedEngine honest = new SimulatedEngine(theirs, List.of("sim0"), Map.of())) {
      MemorySegment here = engine.register(4096);
      MemorySegment there = honest.register(4096);
      BlockColumns blocks = BlockColumns.of(there.address(), here.address(), 4096);
      assertThat(honest.write(engine, blocks).await().state()).isEqualTo(TransferState.COMPLETED);
      // Used by its peer alone, for longer than any of the stranger's.
      RdmaEndpoint live = endpoints().getFirst();
      for (int i = 0; i < MESSAGES; i++) {
        assertThat(refusal(ask(STRANGER, i, Version.WITH_GID))).isEmpty();
        await().until(() -> endpoints().size() <= LIMIT + 1);
      }
      assertThat(count(Counter.RDMA_ENDPOINTS_EVICTED)).isEqualTo(MESSAGES - LIMIT);
      assertThat(endpoints())
          .contains(live)
          .extracting(RdmaEndpoint::peerPath)
          .contains("10.0.0.9:1234@sim0", "10.0.0.8:1234@sim0", "10.0.0.7:1234@sim0");
      assertThat(live.state()).isEqualTo(RdmaEndpoint.State.CONNECTED);
      assertThat(honest.write(engine, blocks).await().state()).isEqualTo(TransferState.COMPLETED);
      assertThat(refusal(ask("127.0.0.3", 100, Version.WITH_GID))).isEmpty();
      assertThat(count(Counter.RDMA_ENDPOINTS_EVICTED)).isEqualTo(MESSAGES - LIMIT);
    }
  }

  @Test
  void thoseThatItNeverSaysAreReadyAreItsToWaitFor() throws Exception {
    for (int i = 0; i < LIMIT; i++) {
      assertThat(refusal(ask(STRANGER, i, Version.WITH_ACK))).isEmpty();
    }
    assertThat(refusal(ask(STRANGER, LIMIT, Version.WITH_ACK)))
        .contains(STRANGER, "TE_RDMA_ENDPOINTS_PER_ADDRESS");
    assertThat(count(Counter.RDMA_HANDSHAKES_REFUSED)).isEqualTo(1);
    // A message again is no other endpoint, and others get theirs.
    assertThat(refusal(ask(STRANGER, 0, Version.WITH_ACK))).isEmpty();
    assertThat(refusal(ask("127.0.0.3", 100, Version.WITH_ACK))).isEmpty();
    endpoints().forEach(each -> each.close("the test wants room"));
    await().until(() -> endpoints().isEmpty());
    assertThat(refusal(ask(STRANGER, LIMIT, Version.WITH_ACK))).isEmpty();
  }
}
