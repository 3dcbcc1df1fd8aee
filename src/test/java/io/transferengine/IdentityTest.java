// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.eventually;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The data port says whose it is, before a byte is moved (docs/PROTOCOL.md). */
@Timeout(60)
class IdentityTest {
  private static final int IDENTITY = 0xe2;
  private static final String OTHER = "00000000deadbeef";

  private static String incarnation(TestEngine engine) {
    return engine.engine.core().describe(engine.engine.segmentName()).incarnation().orElseThrow();
  }

  private static byte[] identityFrame(String incarnation) {
    return ByteBuffer.allocate(24)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(0)
        .putLong(HexFormat.fromHexDigitsToLong(incarnation))
        .put((byte) IDENTITY)
        .array();
  }

  private static String members(String incarnation) {
    return "\"te_incarnation\":\"%s\",\"te_tcp_identity\":1,".formatted(incarnation);
  }

  private static int dataPort(TestEngine engine) throws IOException {
    return RawInitiator.dataPort(engine.engine.rpcPort());
  }

  /**
   * Two hosts with the same fixed ports; the target calls itself localhost. So its descriptor leads
   * the initiator to its own data port, where the address is as good as there.
   */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void aNameThatLeadsHomeMovesNothingThere(Operation operation) throws Exception {
    try (TestEngine here = new TestEngine(4096);
        RawTarget target = new RawTarget(2, 4096)) {
      target
          .takingVectors()
          .addBuffer(here.address(), 4096)
          .withMembers(members(OTHER))
          .leadingTo(dataPort(here));
      byte[] before = random(1, 4096);
      here.put(0, before);
      Transfer transfer =
          here.submit(
              operation,
              target.name(),
              BlockColumns.of(here.address(), here.address() + 2048, 1000));
      assertFailed(transfer);
      assertThat(here.bytes(0, 4096)).isEqualTo(before);
      assertThat(transfer.failure().orElseThrow())
          .hasMessageContaining(OTHER)
          .hasMessageContaining(incarnation(here))
          .hasMessageContaining("localhost");
    }
  }

  /** The data port has a new owner since the peer was looked up. */
  @Test
  void theDescriptorIsReadOnceMore() throws Exception {
    try (TestEngine here = new TestEngine(4096);
        TestEngine newOwner = new TestEngine(4096);
        RawTarget directory = new RawTarget(2, 4096)) {
      directory
          .addBuffer(newOwner.address(), 4096)
          .withMembers(members(OTHER))
          .leadingTo(dataPort(newOwner));
      var _ = here.engine.openSegment(directory.name());
      directory.withMembers(members(incarnation(newOwner)));
      here.put(0, random(2, 4096));
      assertCompleted(
          here.submit(Operation.WRITE, directory.name(), newOwner.address() + 96, 4000));
      assertThat(newOwner.bytes(96, 4000)).isEqualTo(here.bytes(0, 4000));
    }
  }

  @Test
  void whateverFollowsAWrongQuestionIsNotDone() throws Exception {
    try (TestEngine target = new TestEngine(4096);
        RawInitiator asking = RawInitiator.to(target.engine.rpcPort())) {
      asking.send(identityFrame(OTHER));
      asking.send(writeRequest(target.address(), random(3, 4096), V2));
      byte[] answer = asking.receiveToEnd();
      assertThat(answer)
          .isEqualTo(
              ByteBuffer.allocate(16)
                  .order(ByteOrder.LITTLE_ENDIAN)
                  .putInt(2)
                  .put(OK, 4, 4)
                  .putLong(HexFormat.fromHexDigitsToLong(incarnation(target)))
                  .array());
      assertThat(target.bytes(0, 4096)).containsOnly(0);
    }
  }

  @Test
  void whatFollowsARightQuestionIs() throws Exception {
    try (TestEngine target = new TestEngine(4096);
        RawInitiator asking = RawInitiator.to(target.engine.rpcPort())) {
      byte[] body = random(4, 4096);
      asking.dribble(identityFrame(incarnation(target)));
      asking.send(writeRequest(target.address(), body, V2));
      assertThat(asking.receive(8)).isEqualTo(OK);
      assertThat(asking.receive(8)).isEqualTo(OK);
      assertThat(target.bytes(0, 4096)).isEqualTo(body);
    }
  }

  /** Each connection asks first, and does not wait for the answer. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void aPeerThatAnnouncesItIsAskedOnEachConnection(Operation operation) throws Exception {
    try (TestEngine here = new TestEngine(1 << 20);
        RawTarget target = new RawTarget(2, 1 << 20)) {
      target
          .withMembers(members(OTHER))
          .behaving(
              connection -> {
                RawTarget.Request question = connection.required();
                assertThat(question.header()).isEqualTo(identityFrame(OTHER));
                RawTarget.Request request = connection.required();
                connection.status(0);
                boolean goesOn = connection.serve(request);
                assertThat(goesOn).isTrue();
                connection.serveAll();
              });
      byte[] content = random(5, 1 << 20);
      if (operation == Operation.WRITE) {
        here.put(0, content);
      } else {
        System.arraycopy(content, 0, target.memory(), 0, content.length);
      }
      for (int i = 0; i < 3; i++) {
        assertCompleted(here.submit(operation, target.name(), RawTarget.BASE, 1 << 20));
      }
      assertThat(target.memory()).isEqualTo(content);
      assertThat(here.bytes(0, 1 << 20)).isEqualTo(content);
      eventually(
          "a question each",
          () ->
              target.requests.stream().filter(r -> r.opcode() == IDENTITY).count()
                  == target.accepted());
    }
  }

  /** What is no Java engine refuses the question as a range of no bytes, or hangs up. */
  @Test
  void aStrangerAtThePortGetsNothing() throws Exception {
    try (TestEngine here = new TestEngine(4096);
        RawTarget target = new RawTarget(2, 4096)) {
      target.withMembers(members(OTHER));
      Transfer transfer = here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 4096);
      assertFailed(transfer);
      assertThat(transfer.failure().orElseThrow())
          .hasMessageContaining(OTHER)
          .hasMessageContaining("no Java engine");
      eventually("all is read", () -> !target.requests.isEmpty());
      assertThat(target.memory()).containsOnly(0);
    }
  }

  @Test
  void aPeerThatDoesNotAnnounceItIsNotAsked() throws Exception {
    try (TestEngine here = new TestEngine(4096);
        RawTarget target = new RawTarget(2, 4096)) {
      target.withMembers("\"te_incarnation\":\"" + OTHER + "\",");
      assertCompleted(here.submit(Operation.WRITE, target.name(), RawTarget.BASE, 4096));
      assertThat(target.requests).allSatisfy(r -> assertThat(r.opcode()).isNotEqualTo(IDENTITY));
    }
  }
}
