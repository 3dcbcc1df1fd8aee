// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.header;
import static io.transferengine.RawInitiator.writeRequest;
import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.end;
import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.memory.Region;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.KernelSockets;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferState;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who gets a place at the data port, and whose. */
@Timeout(60)
class InboundPlacesTest {
  private static final int MIB = 1 << 20;
  private static final String ONE = "127.0.0.1";
  private static final String TWO = "127.0.0.2";

  private final List<RawInitiator> open = new ArrayList<>();

  @AfterEach
  void close() throws IOException {
    for (RawInitiator each : open) {
      each.close();
    }
  }

  @Test
  void silentSocketsFillTheLimitAndAnHonestPeerGetsIn() throws Exception {
    try (TestEngine target = limited(8, 8);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      RawInitiator first = connect(target, TWO);
      for (int i = 1; i < 8; i++) {
        connect(target, TWO);
      }
      String name = target.engine.segmentName();
      // Refused until the others have been silent for a moment.
      eventually(
          "the peer gets in",
          () ->
              end(here.submit(Operation.WRITE, name, target.address(), MIB))
                  == TransferState.COMPLETED);
      assertThat(first.ending()).isIn("eof", "reset");
      assertThat(target.count(Counter.INBOUND_CONNECTIONS_EVICTED)).isOne();
    }
  }

  @Test
  void aSilentSocketIsClosedAfterItsTime() throws Exception {
    try (TestEngine target = new TestEngine(MIB, b -> b.inboundSilenceSeconds(1))) {
      RawInitiator asked = connect(target, ONE);
      assertServed(target, asked);
      RawInitiator silent = connect(target, ONE);
      assertThat(silent.ending()).isIn("eof", "reset");
      assertThat(target.count(Counter.INBOUND_CONNECTIONS_SILENT)).isOne();
      // This one has been idle for longer, between two requests.
      assertServed(target, asked);
    }
  }

  @Test
  void oneAddressCannotHoldAllPlaces() throws Exception {
    try (TestEngine target = limited(8, 0)) {
      List<RawInitiator> crowd = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        crowd.add(connect(target, TWO));
      }
      // It has its share: it takes its own places only.
      eventually("it makes room for itself", () -> isServed(target, TWO));
      assertThat(crowd.getFirst().ending()).isIn("eof", "reset");
      for (int i = 0; i < 4; i++) {
        assertServed(target, connect(target, ONE));
      }
      assertThat(target.count(Counter.INBOUND_CONNECTIONS_EVICTED)).isOne();
      for (RawInitiator each : crowd.subList(1, 4)) {
        assertServed(target, each);
      }
    }
  }

  @Test
  void whatIsUnderWayKeepsItsPlace() throws Exception {
    try (TestEngine target = limited(2, 2)) {
      byte[] request = writeRequest(target.address(), new byte[100_000], V2);
      List<RawInitiator> writing = List.of(connect(target, ONE), connect(target, ONE));
      for (RawInitiator each : writing) {
        each.send(Arrays.copyOf(request, 50_000));
      }
      Region region = target.engine.core().memory().regions().inOrder().getFirst();
      eventually("both are under way", () -> region.inFlight() == 2);
      assertThat(connect(target, TWO).ending()).isIn("eof", "reset");
      assertThat(target.count(Counter.INBOUND_CONNECTIONS_REFUSED)).isOne();
      for (RawInitiator each : writing) {
        each.send(Arrays.copyOfRange(request, 50_000, request.length));
        assertThat(each.receive(8)).isEqualTo(OK);
      }
    }
  }

  @Test
  void theLongestIdleMakesRoom() throws Exception {
    try (TestEngine target = limited(3, 3)) {
      RawInitiator first = connect(target, ONE);
      RawInitiator second = connect(target, ONE);
      RawInitiator third = connect(target, ONE);
      for (RawInitiator each : List.of(second, first, third)) {
        assertServed(target, each);
      }
      // Refused until the others have been idle for a while.
      eventually("there is room", () -> isServed(target, TWO));
      assertThat(second.ending()).isIn("eof", "reset");
      assertServed(target, first);
      assertServed(target, third);
    }
  }

  @Test
  void anInitiatorWhoseIdleLaneWasClosedConnectsAgain() throws Exception {
    try (TestEngine target = limited(1, 1);
        TestEngine here = new TestEngine(MIB, b -> b.tcpLanesPerPeer(1))) {
      String name = target.engine.segmentName();
      for (int i = 0; i < 3; i++) {
        assertCompleted(here.submit(Operation.WRITE, name, target.address(), 100_000));
        assertCompleted(here.submit(Operation.READ, name, target.address(), 100));
        long opened = here.count(Counter.CONNECTIONS_OPENED);
        eventually("the lane makes room", () -> connectsSilently(target));
        assertCompleted(here.submit(Operation.READ, name, target.address(), 100));
        assertThat(here.count(Counter.CONNECTIONS_OPENED)).isGreaterThan(opened);
      }
      assertThat(here.count(Counter.CONNECTIONS_LOST)).isZero();
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"EPOLL", "NIO"})
  void theKernelAsksSilentPeersWhetherTheyAreThere(TcpIo io) throws Exception {
    try (TestEngine target = new TestEngine(MIB, b -> b.tcpIo(io));
        TestEngine here = new TestEngine(MIB, b -> b.tcpIo(io).tcpLanesPerPeer(1))) {
      RawInitiator silent = connect(target, ONE);
      int port = RawInitiator.dataPort(target.engine.rpcPort());
      int silentPort = silent.socket.getLocalPort();
      eventually("at the target", () -> KernelSockets.isKeptAlive(port, silentPort));
      silent.close();
      assertCompleted(
          here.submit(Operation.READ, target.engine.segmentName(), target.address(), 100));
      eventually("at the initiator", () -> KernelSockets.isKeptAliveTowards(port, silentPort));
    }
  }

  private static TestEngine limited(int limit, int perAddress) {
    // One event loop: connections get their places in the order in which they were made.
    return new TestEngine(
        MIB,
        b ->
            b.tcpIoThreads(1)
                .maxInboundConnections(limit)
                .maxInboundConnectionsPerAddress(perAddress));
  }

  private RawInitiator connect(TestEngine target, String from) throws IOException {
    RawInitiator made = new RawInitiator(from, RawInitiator.dataPort(target.engine.rpcPort()), 0);
    open.add(made);
    return made;
  }

  private static void assertServed(TestEngine target, RawInitiator connection) throws IOException {
    connection.send(header(1, target.address(), READ | V2));
    assertThat(connection.receive(8)).isEqualTo(OK);
    assertThat(connection.receive(1)).hasSize(1);
  }

  private boolean isServed(TestEngine target, String from) {
    try {
      assertServed(target, connect(target, from));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** {@return whether a connection that says nothing got a place, which it is to lose again} */
  private boolean connectsSilently(TestEngine target) {
    long before = target.count(Counter.INBOUND_CONNECTIONS_EVICTED);
    try {
      RawInitiator silent = connect(target, TWO);
      silent.socket.setSoTimeout(600);
      // The second wait is longer than newcomers keep their places.
      return silent.ending().equals("open")
          && target.count(Counter.INBOUND_CONNECTIONS_EVICTED) > before
          && silent.ending().equals("open");
    } catch (IOException e) {
      return false;
    }
  }
}
