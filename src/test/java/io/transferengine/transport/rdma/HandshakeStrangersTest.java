// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.RawRdmaPeer.Version;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Connection messages of which nobody knows who sent them, and those that we do not speak. */
@Timeout(60)
class HandshakeStrangersTest {
  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));
  private final SimulatedVerbs theirs = fabric.process("theirs", List.of("sim0"));
  private final SimulatedEngine engine =
      new SimulatedEngine(fabric.process("ours", List.of("sim0")), List.of("sim0"), Map.of());
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

  private String ours() {
    return engine.segmentName() + "@sim0";
  }

  private String askUs(String message) {
    try {
      return RawRdmaPeer.ask(engine.rpcPort(), RawRdmaPeer.CONNECTION, message);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void assertRefused(String message, String why) {
    long before = refused();
    assertThat(RawRdmaPeer.text(askUs(message), "reply_msg")).contains(why);
    assertThat(refused() - before).isEqualTo(1);
    assertThat(endpoints()).isEmpty();
  }

  private long refused() {
    return engine.metrics().snapshot().counters().getOrDefault(Counter.RDMA_HANDSHAKES_REFUSED, 0L);
  }

  private List<RdmaEndpoint> endpoints() {
    return engine.transport().nics().getFirst().endpoints().all();
  }

  // ---- what C++ engines of September may send

  @ParameterizedTest
  @ValueSource(strings = {"\"ctrl_channel\":true", "\"msg_channel\":true,\"msg_qp_num\":77"})
  void channelsOfTwoSidedPeersAreRefusedByName(String member) {
    String good = peer.message(Version.WITH_ACK, ours(), "false");
    assertRefused(good.replaceFirst("\\{", "{" + member + ","), "two-sided");
  }

  @Test
  void theMessageChannelIsNoNicPath() {
    assertRefused(peer.message(Version.WITH_ACK, "__msg__", "false"), "MC_USE_RDMA_TWOSIDED");
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "true"})
  void aMessageWithoutQueuePairsIsRefused(String ack) {
    String good = peer.message(Version.WITH_ACK, ours(), ack);
    assertRefused(good.replace(peer.numbers(), "[]"), "qp_num is empty");
  }

  @Test
  void membersForNotificationsOverRdmaArePassedOver() {
    String good = peer.message(Version.WITH_GID, ours(), "false");
    String reply =
        askUs(
            good.replaceFirst(
                "\\{",
                "{\"notify_qp_num\":99,\"notify_rq_depth\":128,\"ctrl_channel\":false,"
                    + "\"msg_channel\":false,\"msg_qp_num\":0,"));
    assertThat(RawRdmaPeer.text(reply, "reply_msg")).isEmpty();
    assertThat(reply).doesNotContain("notify_qp_num").doesNotContain("notify_rq_depth");
  }

  // ---- strangers

  @Test
  void pathsThatAreNoneAreNeitherKeptNorFollowed() {
    String good = peer.message(Version.WITH_GID, ours(), "false");
    for (String path :
        List.of(
            "x".repeat(100_000) + "@sim0",
            peer.name() + "@" + "d".repeat(64),
            peer.name() + "@sim0\\n2026 ERROR forged",
            peer.name() + "\\u0007@sim0",
            peer.name() + "@",
            "@sim0",
            "sim0",
            "a@b@sim0")) {
      assertRefused(
          good.replace("\"" + peer.path() + "\"", "\"" + path + "\""), "is not a NIC path");
    }
  }

  @Test
  void aHostThatAStrangerNamesIsNotAsked() {
    String message = peer.message(Version.WITHOUT_GID, ours(), "false");
    // It comes from loopback, and would have us ask another host.
    String elsewhere = message.replace(peer.path(), "192.0.2.1:22@sim0");
    assertRefused(elsewhere, "does not lead to 127.0.0.1");
    assertThat(engine.descriptionsAsked()).isZero();
    assertThat(RawRdmaPeer.text(askUs(message), "reply_msg")).isEmpty();
    assertThat(engine.descriptionsAsked()).isEqualTo(1);
  }

  @Test
  void aSpoofedMessageLeavesALiveEndpointAlone() throws Exception {
    try (SimulatedEngine honest = new SimulatedEngine(theirs, List.of("sim0"), Map.of())) {
      MemorySegment here = engine.register(4096);
      MemorySegment there = honest.register(4096);
      BlockColumns blocks = BlockColumns.of(here.address(), there.address(), 4096);
      assertThat(engine.write(honest, blocks).await().state()).isEqualTo(TransferState.COMPLETED);
      RdmaEndpoint live = endpoints().getFirst();
      String spoofed =
          peer.message(Version.WITH_GID, ours(), "false").replace(peer.path(), live.peerPath());
      assertThat(RawRdmaPeer.text(askUs(spoofed), "reply_msg")).contains("still answer");
      assertThat(endpoints()).containsExactly(live);
      assertThat(live.state()).isEqualTo(RdmaEndpoint.State.CONNECTED);
      assertThat(engine.write(honest, blocks).await().state()).isEqualTo(TransferState.COMPLETED);
      assertThat(engine.metrics().snapshot().counters().get(Counter.RDMA_PATHS_CONNECTED))
          .isEqualTo(1);
    }
  }
}
