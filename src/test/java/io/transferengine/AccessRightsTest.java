// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.REJECTED;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.VECTOR_READ;
import static io.transferengine.RawInitiator.VECTOR_WRITE;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.vector;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.Operation;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What a registration lets peers do, over TCP. */
@Timeout(60)
class AccessRightsTest {
  private static final int SIZE = 200_000;

  /** A target with one range for each of the rights. */
  private static final class Target implements AutoCloseable {
    final TestEngine engine = new TestEngine(SIZE);
    final MemorySegment readOnly = engine.arena.allocate(SIZE, 4096);
    final MemorySegment writeOnly = engine.arena.allocate(SIZE, 4096);
    final int port;

    Target() throws Exception {
      engine.put(0, random(1, SIZE));
      MemorySegment.copy(random(2, SIZE), 0, readOnly, ValueLayout.JAVA_BYTE, 0, SIZE);
      MemorySegment.copy(random(3, SIZE), 0, writeOnly, ValueLayout.JAVA_BYTE, 0, SIZE);
      var _ = engine.engine.register(readOnly, with(AccessRights.READ_ONLY));
      var _ = engine.engine.register(writeOnly, with(AccessRights.WRITE_ONLY));
      port = RawInitiator.dataPort(engine.engine.rpcPort());
    }

    long count(Counter counter) {
      return engine.count(counter);
    }

    void assertUnchanged() {
      assertThat(bytes(readOnly, SIZE)).isEqualTo(random(2, SIZE));
      assertThat(bytes(writeOnly, SIZE)).isEqualTo(random(3, SIZE));
    }

    @Override
    public void close() {
      engine.close();
    }
  }

  private static RegistrationOptions with(AccessRights rights) {
    return RegistrationOptions.DEFAULT.withRights(rights);
  }

  private static byte[] bytes(MemorySegment memory, int count) {
    return memory.asSlice(0, count).toArray(ValueLayout.JAVA_BYTE);
  }

  @ParameterizedTest
  @ValueSource(ints = {10, SIZE})
  void whatTheRightsAllowIsServed(int size) throws Exception {
    try (Target target = new Target();
        RawInitiator peer = new RawInitiator(target.port, 0)) {
      peer.send(header(size, target.readOnly.address(), READ | V2));
      assertThat(peer.receive(8)).isEqualTo(OK);
      assertThat(peer.receive(size)).isEqualTo(bytes(target.readOnly, size));
      byte[] body = random(4, size);
      peer.send(writeRequest(target.writeOnly.address(), body, V2));
      assertThat(peer.receive(8)).isEqualTo(OK);
      assertThat(bytes(target.writeOnly, size)).isEqualTo(body);
      assertThat(target.count(Counter.INBOUND_REJECTED)).isZero();
    }
  }

  @ParameterizedTest
  @CsvSource({"10,true", "10,false", "200000,true", "200000,false"})
  void version2IsRefusedWithAStatusFrameAndNothingMoves(int size, boolean write) throws Exception {
    try (LogCapture log = new LogCapture();
        Target target = new Target();
        RawInitiator neighbour = new RawInitiator(target.port, 0);
        RawInitiator peer = new RawInitiator(target.port, 0)) {
      MemorySegment memory = write ? target.readOnly : target.writeOnly;
      peer.send(
          write
              ? writeRequest(memory.address(), random(4, size), V2)
              : header(size, memory.address(), READ | V2));
      assertThat(peer.receive(8)).isEqualTo(REJECTED);
      assertThat(peer.receiveToEndOrReset()).isTrue();
      assertTold(log, target, memory, write);
      // Another connection of the same peer is not affected.
      neighbour.send(header(4, target.readOnly.address(), READ | V2));
      assertThat(neighbour.receive(8)).isEqualTo(OK);
      assertThat(neighbour.receive(4)).isEqualTo(bytes(target.readOnly, 4));
      target.assertUnchanged();
    }
  }

  private static void assertTold(
      LogCapture log, Target target, MemorySegment memory, boolean write) {
    assertThat(target.count(Counter.ACCESS_REFUSED_BY_RIGHTS)).isEqualTo(1);
    assertThat(target.count(Counter.INBOUND_REJECTED)).isEqualTo(1);
    assertThat(log.warnings())
        .singleElement()
        .asString()
        .startsWith("Refused 127.0.0.1: ")
        .contains(write ? "write" : "read")
        .contains(
            "but peers may only %s the registration of %d bytes at 0x%x"
                .formatted(write ? "read" : "write", SIZE, memory.address()));
  }

  @ParameterizedTest
  @CsvSource({"10,true", "10,false", "200000,true", "200000,false"})
  void version1IsRefusedByAReset(int size, boolean write) throws Exception {
    try (LogCapture log = new LogCapture();
        Target target = new Target();
        RawInitiator peer = new RawInitiator(target.port, 0)) {
      MemorySegment memory = write ? target.readOnly : target.writeOnly;
      peer.sendUnlessReset(
          write
              ? writeRequest(memory.address(), random(4, size), 0)
              : header(size, memory.address(), READ));
      assertThat(peer.receiveToEndOrResetBytes()).isEmpty();
      assertTold(log, target, memory, write);
      target.assertUnchanged();
    }
  }

  /** One range without the right refuses all of them, before a byte is moved. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aVectoredRequestIsRefusedAsAWhole(boolean write) throws Exception {
    try (LogCapture log = new LogCapture();
        Target target = new Target();
        RawInitiator peer = new RawInitiator(target.port, 0)) {
      MemorySegment memory = write ? target.readOnly : target.writeOnly;
      ByteArrayOutputStream request = new ByteArrayOutputStream();
      request.writeBytes(
          vector(
              (write ? VECTOR_WRITE : VECTOR_READ) | V2,
              30,
              3,
              target.engine.address(),
              10,
              memory.address(),
              10,
              target.engine.address() + 100,
              10));
      if (write) {
        request.writeBytes(random(5, 30));
      }
      peer.send(request.toByteArray());
      assertThat(peer.receive(8)).isEqualTo(REJECTED);
      assertThat(peer.receiveToEndOrReset()).isTrue();
      assertTold(log, target, memory, write);
      assertThat(log.warnings()).singleElement().asString().contains("whose range 1 is one of 10");
      assertThat(target.engine.bytes(0, SIZE)).isEqualTo(random(1, SIZE));
      target.assertUnchanged();
    }
  }

  /** Our own transfers are not bound: a range that peers only read may be where ours write to. */
  @Test
  void ourOwnTransfersUseTheMemoryEitherWay() throws Exception {
    try (Target ours = new Target();
        TestEngine other = new TestEngine(2 * SIZE)) {
      other.put(0, random(7, SIZE));
      String name = other.engine.segmentName();
      assertCompleted(
          ours.engine.submit(
              Operation.READ,
              name,
              BlockColumns.of(ours.readOnly.address(), other.address(), SIZE)));
      assertThat(bytes(ours.readOnly, SIZE)).isEqualTo(random(7, SIZE));
      assertCompleted(
          ours.engine.submit(
              Operation.WRITE,
              name,
              BlockColumns.of(ours.writeOnly.address(), other.address() + SIZE, SIZE)));
      assertThat(other.bytes(SIZE, SIZE)).isEqualTo(random(3, SIZE));
    }
  }

  /** The rights are those of the registration of now. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void aNewRegistrationHasItsOwnRights(Operation operation) throws Exception {
    boolean write = operation == Operation.WRITE;
    AccessRights allowed = write ? AccessRights.WRITE_ONLY : AccessRights.READ_ONLY;
    AccessRights forbidden = write ? AccessRights.READ_ONLY : AccessRights.WRITE_ONLY;
    try (LogCapture _ = new LogCapture();
        TestEngine target = new TestEngine(SIZE);
        TestEngine here = new TestEngine(SIZE)) {
      MemorySegment memory = target.arena.allocate(SIZE, 4096);
      String name = target.engine.segmentName();
      for (int round = 0; round < 2; round++) {
        try (Registration made = target.engine.register(memory, with(forbidden))) {
          assertThat(made.rights()).isEqualTo(forbidden);
          assertFailed(here.submit(operation, name, memory.address(), SIZE));
        }
        try (Registration made = target.engine.register(memory, with(allowed))) {
          assertThat(made.toString()).contains(allowed.text());
          assertCompleted(here.submit(operation, name, memory.address(), SIZE));
        }
      }
    }
  }

  /** Two registrations back to back: each range is judged by its own. */
  @Test
  void neighboursDifferInTheirRights() throws Exception {
    try (LogCapture _ = new LogCapture();
        TestEngine target = new TestEngine(SIZE);
        TestEngine here = new TestEngine(SIZE)) {
      MemorySegment memory = target.arena.allocate(2L * SIZE, 4096);
      long seam = memory.address() + SIZE;
      var _ = target.engine.register(memory.asSlice(0, SIZE), with(AccessRights.READ_ONLY));
      var _ = target.engine.register(memory.asSlice(SIZE), with(AccessRights.READ_WRITE));
      String name = target.engine.segmentName();
      // Adjacent blocks on both sides, which must not be merged over the seam.
      BlockColumns both =
          BlockColumns.of(
              new long[] {here.address(), here.address() + 100},
              new long[] {seam - 100, seam},
              new long[] {100, 100});
      assertCompleted(here.submit(Operation.READ, name, both));
      assertFailed(here.submit(Operation.WRITE, name, both));
      assertThat(bytes(memory, SIZE)).containsOnly(0);
      assertFailed(here.submit(Operation.READ, name, seam - 100, 200));
      assertCompleted(here.submit(Operation.WRITE, name, seam, SIZE));
    }
  }

  /** Two processes, in both versions of the protocol: refused, and everything else goes on. */
  @ParameterizedTest
  @ValueSource(strings = {"1", "2"})
  void anotherProcessGetsWhatTheRightsAllow(String version) throws Exception {
    try (LogCapture log = new LogCapture();
        PeerProcess peer = PeerProcess.initialized(Map.of("MC_TCP_PROTO", version));
        TestEngine here = new TestEngine(SIZE, b -> b.tcpProtoVersion(Integer.parseInt(version)))) {
      long readOnly = register(peer, AccessRights.READ_ONLY);
      long writeOnly = register(peer, AccessRights.WRITE_ONLY);
      peer.fill(readOnly, SIZE, 11);
      byte[] ours = random(12, SIZE);
      here.put(0, ours);
      for (int round = 0; round < 3; round++) {
        assertFailed(here.submit(Operation.WRITE, peer.name(), readOnly, SIZE));
        assertThat(peer.mismatch(readOnly, SIZE, 11)).isEqualTo(-1);
        assertThat(here.bytes(0, SIZE)).isEqualTo(ours);
        assertFailed(here.submit(Operation.READ, peer.name(), writeOnly, SIZE));
        assertThat(here.bytes(0, SIZE)).isEqualTo(ours);
        Transfer write = here.submit(Operation.WRITE, peer.name(), writeOnly, SIZE);
        if (version.equals("1")) {
          // It confirms what it has written by reading it.
          assertFailed(write);
          assertThat(write.failure().orElseThrow()).hasMessageContaining("MC_TCP_PROTO");
        } else {
          assertCompleted(write);
          peer.zero(writeOnly, SIZE);
        }
        assertThat(peer.ask("count", writeOnly, SIZE, 0)).isEqualTo(String.valueOf(SIZE));
      }
      assertCompleted(here.submit(Operation.READ, peer.name(), readOnly, SIZE));
      assertThat(here.bytes(0, SIZE)).isNotEqualTo(ours);
      // All that was known beforehand; so the peer had nothing to refuse.
      assertThat(peer.log()).noneMatch(line -> line.contains("Refused"));
      assertThat(log.warnings()).isEmpty();
      assertRefusesWhoDoesNotLook(peer, readOnly, Integer.parseInt(version));
    }
  }

  private static void assertRefusesWhoDoesNotLook(PeerProcess peer, long readOnly, int version)
      throws Exception {
    int port = RawInitiator.dataPort(HostPort.parse(peer.name()).port());
    try (RawInitiator raw = new RawInitiator(port, 0)) {
      raw.send(writeRequest(readOnly, random(13, SIZE), version == 2 ? V2 : 0));
      assertThat(raw.receiveToEndOrResetBytes()).isEqualTo(version == 2 ? REJECTED : new byte[0]);
    }
    assertThat(peer.mismatch(readOnly, SIZE, 11)).isEqualTo(-1);
    TestEngine.eventually(
        "the peer says so",
        () ->
            peer.log().stream()
                .anyMatch(
                    line ->
                        line.contains("Refused 127.0.0.1: a write of")
                            && line.contains("but peers may only read the registration")));
  }

  private static long register(PeerProcess peer, AccessRights rights) {
    long address = peer.map(SIZE);
    assertThat(peer.call("registerMemory", address, SIZE, "*", rights)).isZero();
    return address;
  }

  @Test
  void theFacadeRefusesNoRights() {
    try (TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      ByteBuffer memory = ByteBuffer.allocateDirect(100);
      long address = MemorySegment.ofBuffer(memory).address();
      @SuppressWarnings("NullAway") // what a caller in another language may do
      int status = engine.registerMemory(address, 100, "*", null);
      assertThat(status).isEqualTo(-1);
      assertThat(engine.registerMemory(address, 100, "*", AccessRights.READ_ONLY)).isZero();
      assertThat(engine.unregisterMemory(address)).isZero();
    }
  }
}
