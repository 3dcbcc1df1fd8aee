// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.handshake.HandshakeClient;
import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.rdma.RawRdmaPeer.Version;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Connection messages with peers of every version, in both roles (protocol section 5.4). */
@Timeout(60)
class HandshakeVersionsTest {
  private static final int BYTES = 5_000;

  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));
  private SimulatedEngine engine;
  private RawRdmaPeer peer;
  private MemorySegment memory;

  @BeforeEach
  void open() throws IOException {
    engine =
        new SimulatedEngine(fabric.process("ours", List.of("sim0")), List.of("sim0"), Map.of());
    peer = new RawRdmaPeer(fabric.process("theirs", List.of("sim0")));
    memory = engine.register(1 << 16);
    for (int i = 0; i < BYTES; i++) {
      memory.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 7 + 1));
    }
  }

  /** Opens the engine anew, with so few refusals before it gives up. */
  private void reopen(int refusals) {
    engine.close();
    engine =
        new SimulatedEngine(
            fabric.process("ours again", List.of("sim0")),
            List.of("sim0"),
            Map.of("MC_RETRY_CNT", Integer.toString(refusals)));
    memory = engine.register(1 << 16);
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

  private PeerAddress address() {
    HandshakeClient client = new HandshakeClient(Duration.ofSeconds(5), 1 << 20);
    SegmentDescriptor descriptor =
        client.fetchMetadata(
            HostPort.parse(peer.name()), engine.descriptor(), Duration.ofSeconds(10));
    client.close();
    return new PeerAddress(descriptor, List.of(InetAddress.getLoopbackAddress()));
  }

  private End write() throws Exception {
    return engine
        .submit(
            Operation.WRITE,
            address(),
            BlockColumns.of(memory.address(), peer.memory.address() + 3, BYTES))
        .await();
  }

  private void assertWritten() throws Exception {
    End end = write();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(TransferState.COMPLETED);
    assertThat(peer.memory.asSlice(3, BYTES).mismatch(memory.asSlice(0, BYTES))).isEqualTo(-1);
    assertThat(peer.failure()).isNull();
  }

  private String askUs(String message) {
    try {
      return RawRdmaPeer.ask(engine.rpcPort(), RawRdmaPeer.CONNECTION, message);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** What a peer of that version does in its handler. */
  private String accept(Version version, String message) {
    String gid;
    if (version == Version.WITHOUT_GID) {
      // Inside its handler it asks the sender back, which has a call of its own pending.
      try {
        String descriptor = RawRdmaPeer.ask(engine.rpcPort(), RawRdmaPeer.METADATA, "{}");
        gid = RawRdmaPeer.text(descriptor, "gid");
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    } else {
      gid = RawRdmaPeer.text(message, "local_gid");
    }
    peer.connectTo(RawRdmaPeer.numbers(message), gid);
    return peer.message(version, RawRdmaPeer.text(message, "local_nic_path"), "false");
  }

  // ---- we ask

  @ParameterizedTest
  @EnumSource(Version.class)
  void asksPeersOfEveryVersion(Version version) throws Exception {
    peer.onConnection(
        message ->
            message.contains("\"ready_ack\":true")
                ? "{\"local_gid\":\"\",\"local_lid\":0,\"local_nic_path\":\"\",\"payload\":\"\","
                    + "\"peer_nic_path\":\"\",\"qp_num\":[],\"reply_msg\":\"\"}"
                : accept(version, message));
    assertWritten();
    String first = String.valueOf(peer.received.poll(10, TimeUnit.SECONDS));
    String gid = RawRdmaPeer.text(first, "local_gid");
    assertThat(first)
        .isEqualTo(
            "{\"local_gid\":\"%s\",\"local_lid\":0,\"local_nic_path\":\"%s\",\"payload\":\"\",\"peer_nic_path\":\"%s\",\"qp_num\":%s,\"ready_ack\":false,\"reply_msg\":\"\",\"te_mtu\":%s}\n"
                .formatted(
                    gid,
                    ours(),
                    peer.path(),
                    RawRdmaPeer.numbers(first).toString().replace(" ", ""),
                    first.replaceAll("(?s).*\"te_mtu\":([0-9]+).*", "$1")));
    if (version == Version.WITH_ACK) {
      String second = String.valueOf(peer.received.poll(10, TimeUnit.SECONDS));
      assertThat(second).isEqualTo(first.replace("\"ready_ack\":false", "\"ready_ack\":true"));
    }
    assertThat(peer.received).isEmpty();
  }

  @Test
  void aRefusalIsTakenAtItsWordAfterAWhile() throws Exception {
    reopen(3);
    peer.onConnection(message -> RawRdmaPeer.rejection("no room for you"));
    End end = write();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.cause()).contains(FailureCause.REMOTE_REFUSED);
    assertThat(end.failure().orElseThrow()).hasMessageContaining("no room for you");
    assertThat(peer.received).hasSize(3);
  }

  @Test
  void aPassingRefusalIsNoFailure() throws Exception {
    int[] calls = new int[1];
    peer.onConnection(
        message ->
            calls[0]++ < 2
                ? RawRdmaPeer.rejection("still starting")
                : accept(Version.WITH_GID, message));
    assertWritten();
  }

  /** As a C++ peer does for half a minute after its link was down. */
  @Test
  void aPeerThatLetUsConnectBeforeIsTriedUntilTheDeadline() throws Exception {
    reopen(2);
    int[] calls = new int[1];
    peer.onConnection(
        message ->
            calls[0]++ == 0 || calls[0] > 8
                ? accept(Version.WITH_GID, message)
                : RawRdmaPeer.rejection("the context is not active"));
    assertWritten();
    // Its queue pairs go without an answer, as after a link that was down.
    peer.newQueuePairs(2);
    assertWritten();
    assertThat(calls[0]).isEqualTo(9);
  }

  @Test
  void anAnswerForOtherNicsIsRefused() throws Exception {
    reopen(1);
    peer.onConnection(message -> peer.message(Version.WITH_GID, "somebody@else", "false"));
    End end = write();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.failure().orElseThrow().code()).isEqualTo(ErrorCode.REJECT_HANDSHAKE);
    assertThat(end.failure().orElseThrow()).hasMessageContaining("somebody@else");
  }

  // ---- we are asked

  private void assertPeerWrites(String reply) {
    peer.connectTo(RawRdmaPeer.numbers(reply), RawRdmaPeer.text(reply, "local_gid"));
    for (int i = 0; i < BYTES; i++) {
      peer.memory.set(ValueLayout.JAVA_BYTE, i, (byte) (i * 13 + 5));
    }
    long rkey = engine.descriptor().buffers().getFirst().rkeys().getFirst();
    assertThat(peer.write(memory.address(), (int) rkey, BYTES)).isZero();
    assertThat(memory.asSlice(0, BYTES).mismatch(peer.memory.asSlice(0, BYTES))).isEqualTo(-1);
  }

  @ParameterizedTest
  @EnumSource(Version.class)
  void answersPeersOfEveryVersion(Version version) {
    String reply = askUs(peer.message(version, ours(), "false"));
    assertThat(RawRdmaPeer.text(reply, "local_nic_path")).isEqualTo(ours());
    assertThat(RawRdmaPeer.text(reply, "peer_nic_path")).isEqualTo(peer.path());
    assertThat(RawRdmaPeer.text(reply, "reply_msg")).isEmpty();
    assertThat(reply.contains("\"ready_ack\":false")).isEqualTo(version == Version.WITH_ACK);
    // It may send as soon as it has our answer, before any second message.
    assertPeerWrites(reply);
    if (version == Version.WITH_ACK) {
      String second = askUs(peer.message(version, ours(), "true"));
      assertThat(second)
          .isEqualTo(
              "{\"local_gid\":\"\",\"local_lid\":0,\"local_nic_path\":\"\",\"payload\":\"\","
                  + "\"peer_nic_path\":\"\",\"qp_num\":[],\"reply_msg\":\"\"}\n");
    }
  }

  @Test
  void theSameNumbersAgainGetTheSameAnswer() {
    String first = askUs(peer.message(Version.WITH_GID, ours(), "false"));
    assertThat(askUs(peer.message(Version.WITH_GID, ours(), "false"))).isEqualTo(first);
    assertPeerWrites(first);
    assertThat(engine.transport().nics().getFirst().endpoints().all()).hasSize(1);
  }

  @Test
  void otherNumbersMakeNewQueuePairs() {
    String first = askUs(peer.message(Version.WITH_GID, ours(), "false"));
    assertPeerWrites(first);
    peer.newQueuePairs(2);
    String second = askUs(peer.message(Version.WITH_GID, ours(), "false"));
    assertThat(RawRdmaPeer.numbers(second)).doesNotContainAnyElementsOf(RawRdmaPeer.numbers(first));
    assertPeerWrites(second);
  }

  @Test
  void refusesWithTheReason() {
    String good = peer.message(Version.WITH_GID, ours(), "false");
    assertRefused(good.replace(ours(), "127.0.0.1:1@sim0"), "127.0.0.1:1@sim0");
    assertRefused(good.replace(ours(), engine.segmentName() + "@mlx5_9"), "mlx5_9");
    assertRefused(good.replace(peer.numbers(), "[1]"), "QP count mismatch");
    assertRefused(good.replace(peer.gid(), "fe:80"), "is not a GID");
    assertRefused(peer.message(Version.WITH_ACK, ours(), "true"), "not connected");
    assertPeerWrites(askUs(good));
  }

  private void assertRefused(String message, String why) {
    assertThat(RawRdmaPeer.text(askUs(message), "reply_msg")).contains(why);
  }

  // ---- names that lead elsewhere

  /** It lives on another host, where the name that both of us have leads to it. */
  @Test
  void aPeerThatCallsItselfByOurNameIsRefused() throws Exception {
    reopen(1);
    peer.onConnection(message -> accept(Version.WITH_GID, message));
    PeerAddress namesake =
        new PeerAddress(
            address().descriptor().toBuilder()
                .rdmaServerName(Optional.of(engine.segmentName()))
                .incarnation(Optional.of("another"))
                .build(),
            List.of(InetAddress.getLoopbackAddress()));
    End end =
        engine
            .submit(
                Operation.WRITE,
                namesake,
                BlockColumns.of(memory.address(), peer.memory.address() + 3, BYTES))
            .await();
    assertThat(end.state()).isEqualTo(TransferState.FAILED);
    assertThat(end.failure().orElseThrow().code()).isEqualTo(ErrorCode.REJECT_HANDSHAKE);
    assertThat(end.failure().orElseThrow())
        .hasMessageContainingAll("which is our own name", "leads to it from everywhere");
    assertThat(peer.received).isEmpty();
  }

  @Test
  void aMessageFromAPeerThatCallsItselfByOurNameIsRefused() throws Exception {
    String good = peer.message(Version.WITH_GID, ours(), "false");
    assertRefused(good.replace(peer.path(), ours()), "our own name");
    // Its queue pairs have not become those by which we reach ourselves.
    MemorySegment there = engine.register(BYTES);
    End end =
        engine.write(engine, BlockColumns.of(memory.address(), there.address(), BYTES)).await();
    assertThat(end.state()).as("%s", end.failure()).isEqualTo(TransferState.COMPLETED);
    assertThat(there.mismatch(memory.asSlice(0, BYTES))).isEqualTo(-1);
  }

  @Test
  void aMessageUnderANameThatLeadsToThisMachineFromHereIsRefused() {
    String good = peer.message(Version.WITH_GID, ours(), "false");
    engine.misleads(peer.name());
    assertRefused(good, "leads to it from everywhere");
    assertThat(engine.transport().nics().getFirst().endpoints().all()).isEmpty();
    engine.misleads("");
    assertPeerWrites(askUs(good));
  }

  // ---- both at once

  @ParameterizedTest
  @EnumSource(Version.class)
  void bothAskAtOnce(Version version) throws Exception {
    peer.onConnection(
        message -> {
          if (message.contains("\"ready_ack\":true")) {
            return "{\"qp_num\":[],\"reply_msg\":\"\"}";
          }
          // Our call is pending; the peer's own, of the same queue pairs, comes in between.
          String reply = askUs(peer.message(version, ours(), "false"));
          assertThat(RawRdmaPeer.numbers(reply)).isEqualTo(RawRdmaPeer.numbers(message));
          return accept(version, message);
        });
    assertWritten();
    assertThat(engine.transport().nics().getFirst().endpoints().all()).hasSize(1);
    if (version == Version.WITH_ACK) {
      assertThat(askUs(peer.message(version, ours(), "true"))).contains("\"reply_msg\":\"\"");
    }
  }

  @Test
  void aPeerThatKnowsTheSecondRoundIsNotSentToBeforeIt() throws Exception {
    String reply = askUs(peer.message(Version.WITH_ACK, ours(), "false"));
    RdmaEndpoint endpoint = engine.transport().nics().getFirst().endpoints().all().getFirst();
    assertThat(endpoint.state()).isEqualTo(RdmaEndpoint.State.WAITING_FOR_ACK);
    peer.connectTo(RawRdmaPeer.numbers(reply), RawRdmaPeer.text(reply, "local_gid"));
    var _ = askUs(peer.message(Version.WITH_ACK, ours(), "true"));
    assertThat(endpoint.state()).isEqualTo(RdmaEndpoint.State.CONNECTED);
    // Over the queue pairs that are there, without asking.
    assertWritten();
    assertThat(peer.received).isEmpty();
  }

  @Test
  void aRegionThatIsTakenBackIsOutOfReach() {
    String reply = askUs(peer.message(Version.WITH_GID, ours(), "false"));
    assertPeerWrites(reply);
    MemorySegment other = java.lang.foreign.Arena.ofAuto().allocate(4096, 4096);
    Region region = engine.registerAt(other);
    long rkey = engine.descriptor().buffers().getLast().rkeys().getFirst();
    engine.unregister(region);
    assertThat(peer.write(other.address(), (int) rkey, 100)).isNotZero();
  }
}
