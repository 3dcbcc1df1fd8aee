// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.REJECTED;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.VECTOR_READ;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.vector;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.random;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.AccessRights;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.Operation;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the caller's policy lets a peer do, over TCP. */
@Timeout(60)
class AccessPolicyTest {
  private static final int SIZE = 100_000;

  /** What a policy was asked. */
  private record Question(PeerIdentity peer, long address, boolean write) {}

  /** A policy that lets pass what a test says, and keeps what it was asked. */
  private static final class Policy implements AccessPolicy {
    final List<Question> asked = new CopyOnWriteArrayList<>();
    volatile Predicate<Question> lets = _ -> true;

    @Override
    public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
      return ask(new Question(peer, memory.address(), false));
    }

    @Override
    public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
      return ask(new Question(peer, memory.address(), true));
    }

    private boolean ask(Question question) {
      asked.add(question);
      return lets.test(question);
    }
  }

  private final Policy policy = new Policy();

  private TestEngine target() {
    return new TestEngine(SIZE, builder -> builder.accessPolicy(policy));
  }

  private static RawInitiator raw(TestEngine target) throws Exception {
    return new RawInitiator(RawInitiator.dataPort(target.engine.rpcPort()), 0);
  }

  private static byte[] request(boolean write, long address, int size, int version2) {
    return write
        ? writeRequest(address, random(1, size), version2)
        : header(size, address, READ | version2);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void itIsAskedWithThePeersAddressAndTheRegistration(boolean write) throws Exception {
    try (TestEngine target = target();
        RawInitiator peer = raw(target)) {
      peer.send(request(write, target.address() + 100, 10, V2));
      assertThat(peer.receive(8)).isEqualTo(OK);
      assertThat(policy.asked)
          .containsExactly(
              new Question(
                  PeerIdentity.unproved(InetAddress.getLoopbackAddress()),
                  target.address(),
                  write));
    }
  }

  @ParameterizedTest
  @CsvSource({"true,0x80", "true,0", "false,0x80", "false,0"})
  void whatItDoesNotLetPassIsRefusedAsARangeIs(boolean write, String versionBit) throws Exception {
    int version2 = Integer.decode(versionBit);
    policy.lets = question -> question.write() != write;
    try (LogCapture log = new LogCapture();
        TestEngine target = target();
        RawInitiator peer = raw(target);
        RawInitiator other = raw(target)) {
      target.put(0, random(2, SIZE));
      peer.send(request(write, target.address(), 50_000, version2));
      assertThat(peer.receiveToEndOrResetBytes()).isEqualTo(version2 == 0 ? new byte[0] : REJECTED);
      assertThat(target.bytes(0, SIZE)).isEqualTo(random(2, SIZE));
      assertThat(target.count(Counter.ACCESS_REFUSED_BY_POLICY)).isEqualTo(1);
      assertThat(target.count(Counter.INBOUND_REJECTED)).isEqualTo(1);
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains(
              "the access policy lets this peer not "
                  + (write ? "write to" : "read from")
                  + " the registration of "
                  + SIZE);
      other.send(request(!write, target.address(), 10, V2));
      assertThat(other.receive(8)).isEqualTo(OK);
    }
  }

  @Test
  void ofAVectoredRequestEachRegistrationIsAskedFor() throws Exception {
    try (LogCapture _ = new LogCapture();
        TestEngine target = target();
        RawInitiator peer = raw(target)) {
      MemorySegment second = target.arena.allocate(SIZE, 4096);
      var _ = target.engine.register(second);
      byte[] request =
          vector(
              VECTOR_READ | V2,
              30,
              3,
              target.address(),
              10,
              target.address() + 1000,
              10,
              second.address(),
              10);
      peer.send(request);
      assertThat(peer.receive(8)).isEqualTo(OK);
      byte[] _ = peer.receive(30);
      assertThat(policy.asked)
          .extracting(Question::address)
          .containsExactly(target.address(), second.address());
      policy.lets = question -> question.address() != second.address();
      peer.send(request);
      assertThat(peer.receive(8)).isEqualTo(REJECTED);
    }
  }

  /** Whatever it throws refuses; nobody else is harmed, and no use of the memory is kept. */
  @Test
  void whatItThrowsRefuses() throws Exception {
    try (LogCapture log = new LogCapture();
        TestEngine target = target()) {
      for (Throwable thrown :
          List.of(new IllegalStateException("secret"), new StackOverflowError())) {
        policy.lets =
            _ -> {
              if (thrown instanceof Error error) {
                throw error;
              }
              throw (RuntimeException) thrown;
            };
        try (RawInitiator peer = raw(target)) {
          peer.send(request(true, target.address(), 10, V2));
          assertThat(peer.receive(8)).isEqualTo(REJECTED);
        }
        policy.lets = _ -> true;
        try (RawInitiator peer = raw(target)) {
          peer.send(request(true, target.address(), 10, V2));
          assertThat(peer.receive(8)).isEqualTo(OK);
        }
      }
      assertThat(target.count(Counter.ACCESS_REFUSED_BY_POLICY)).isEqualTo(2);
      assertThat(log.warnings()).first().asString().contains("threw java.lang.Illegal");
      assertThat(log.warnings()).noneMatch(line -> line.contains("secret"));
      target.assertNothingInFlight();
    }
  }

  @Test
  void itIsNotAskedWhereTheRightsRefuse() throws Exception {
    try (LogCapture _ = new LogCapture();
        TestEngine target = target();
        RawInitiator peer = raw(target)) {
      MemorySegment memory = target.arena.allocate(SIZE, 4096);
      var _ =
          target.engine.register(
              memory, RegistrationOptions.DEFAULT.withRights(AccessRights.READ_ONLY));
      peer.send(request(true, memory.address(), 10, V2));
      assertThat(peer.receive(8)).isEqualTo(REJECTED);
      assertThat(policy.asked).isEmpty();
      assertThat(target.count(Counter.ACCESS_REFUSED_BY_RIGHTS)).isEqualTo(1);
    }
  }

  /** The answer of now counts, on a connection that was served before. */
  @Test
  void anotherProcessIsLetInAndOut() throws Exception {
    try (LogCapture _ = new LogCapture();
        TestEngine target = target();
        PeerProcess peer = PeerProcess.initialized(Map.of())) {
      long theirs = peer.allocate(SIZE);
      peer.fill(theirs, SIZE, 5);
      String here = target.engine.segmentName();
      for (int round = 0; round < 3; round++) {
        policy.lets = _ -> true;
        assertThat(peer.call("transferSyncWrite", here, theirs, target.address(), SIZE)).isZero();
        target.memory.fill((byte) 0);
        policy.lets = question -> !question.write();
        assertThat(peer.call("transferSyncWrite", here, theirs, target.address(), SIZE))
            .isNegative();
        assertThat(target.bytes(0, SIZE)).containsOnly(0);
        assertThat(peer.call("transferSyncRead", here, theirs, target.address(), 1000)).isZero();
      }
      // Our own transfers are not the policy's business.
      policy.lets = _ -> false;
      int asked = policy.asked.size();
      TestEngine.assertCompleted(target.submit(Operation.READ, peer.name(), theirs, SIZE));
      assertThat(policy.asked).hasSize(asked);
    }
  }
}
