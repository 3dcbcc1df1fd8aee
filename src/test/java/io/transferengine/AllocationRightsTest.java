// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.RawInitiator.OK;
import static io.transferengine.RawInitiator.READ;
import static io.transferengine.RawInitiator.REJECTED;
import static io.transferengine.RawInitiator.V2;
import static io.transferengine.RawInitiator.header;
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
import io.transferengine.wire.BufferDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What peers may do with memory that the engine allocated, over TCP. */
@Timeout(60)
class AllocationRightsTest {
  private static final int SIZE = 100_000;

  private static AccessRights allowing(Operation operation) {
    return operation == Operation.WRITE ? AccessRights.WRITE_ONLY : AccessRights.READ_ONLY;
  }

  private static AccessRights forbidding(Operation operation) {
    return operation == Operation.WRITE ? AccessRights.READ_ONLY : AccessRights.WRITE_ONLY;
  }

  private static byte[] bytes(Allocation memory) {
    return memory.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private static void put(Allocation memory, byte[] bytes) {
    MemorySegment.copy(bytes, 0, memory.segment(), ValueLayout.JAVA_BYTE, 0, bytes.length);
  }

  /** As a range is; who asks on another connection does not notice. */
  @ParameterizedTest
  @CsvSource({"10,WRITE", "10,READ", "100000,WRITE", "100000,READ"})
  void whatIsNotAllowedIsRefusedAndNothingMoves(int size, Operation operation) throws Exception {
    boolean write = operation == Operation.WRITE;
    try (LogCapture log = new LogCapture();
        TestEngine target = new TestEngine(SIZE);
        Allocation memory = target.engine.allocate(SIZE, forbidding(operation));
        Allocation other = target.engine.allocate(SIZE, allowing(operation));
        RawInitiator neighbour = new RawInitiator(port(target), 0);
        RawInitiator peer = new RawInitiator(port(target), 0)) {
      byte[] before = random(1, SIZE);
      put(memory, before);
      peer.send(request(operation, size, memory));
      assertThat(peer.receive(8)).isEqualTo(REJECTED);
      assertThat(peer.receiveToEndOrReset()).isTrue();
      assertThat(bytes(memory)).isEqualTo(before);
      assertThat(target.count(Counter.ACCESS_REFUSED_BY_RIGHTS)).isEqualTo(1);
      assertThat(log.warnings())
          .singleElement()
          .asString()
          .contains("but peers may only " + (write ? "read" : "write") + " the registration of");
      neighbour.send(request(operation, size, other));
      assertThat(neighbour.receive(8)).isEqualTo(OK);
      if (!write) {
        assertThat(neighbour.receive(size)).isEqualTo(new byte[size]);
      }
    }
  }

  private static byte[] request(Operation operation, int size, Allocation memory) {
    return operation == Operation.WRITE
        ? writeRequest(memory.address(), random(2, size), V2)
        : header(size, memory.address(), READ | V2);
  }

  private static int port(TestEngine target) throws Exception {
    return RawInitiator.dataPort(target.engine.rpcPort());
  }

  /** Before anything is sent: so the connection stays, and with it the transfers of others. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void aJavaPeerKnowsItBeforehandAndOtherTransfersGoOn(Operation operation) {
    try (LogCapture log = new LogCapture();
        TestEngine target = new TestEngine(SIZE);
        Allocation memory = target.engine.allocate(SIZE, forbidding(operation));
        Allocation other = target.engine.allocate(SIZE, allowing(operation));
        TestEngine here = new TestEngine(SIZE)) {
      String name = target.engine.segmentName();
      for (int round = 0; round < 3; round++) {
        Transfer before = here.submit(operation, name, other.address(), SIZE);
        Transfer refused = here.submit(operation, name, memory.address(), SIZE);
        Transfer after = here.submit(operation, name, target.address(), SIZE);
        assertFailed(refused);
        assertThat(refused.failure().orElseThrow())
            .hasMessageContaining(forbidding(operation).text());
        assertCompleted(before);
        assertCompleted(after);
      }
      assertThat(log.warnings()).isEmpty();
      assertThat(target.count(Counter.INBOUND_REJECTED)).isZero();
    }
  }

  @Test
  void theDescriptorSaysIt() {
    try (TestEngine target = new TestEngine(SIZE);
        TestEngine here = new TestEngine(SIZE)) {
      for (AccessRights rights : AccessRights.values()) {
        Allocation memory = target.engine.allocate(SIZE, rights);
        assertThat(memory.rights()).isEqualTo(rights);
        if (rights != AccessRights.READ_WRITE) {
          assertThat(memory.toString()).contains("which peers may " + rights.text());
        }
        assertThat(here.engine.core().describe(target.engine.segmentName()).buffers())
            .filteredOn(
                buffer ->
                    memory.address() - buffer.address() >= 0
                        && memory.address() - buffer.address() < buffer.lengthBytes())
            .singleElement()
            .extracting(BufferDescriptor::rights)
            .isEqualTo(rights);
      }
    }
  }

  @Test
  void ourOwnTransfersUseTheMemoryEitherWay() {
    try (TestEngine here = new TestEngine(SIZE);
        TestEngine there = new TestEngine(SIZE);
        Allocation readOnly = here.engine.allocate(SIZE, AccessRights.READ_ONLY);
        Allocation writeOnly = here.engine.allocate(SIZE, AccessRights.WRITE_ONLY)) {
      String name = there.engine.segmentName();
      there.put(0, random(3, SIZE));
      for (Allocation memory : new Allocation[] {readOnly, writeOnly}) {
        assertCompleted(
            here.submit(
                Operation.READ, name, BlockColumns.of(memory.address(), there.address(), SIZE)));
        assertThat(bytes(memory)).isEqualTo(random(3, SIZE));
        assertCompleted(
            here.submit(
                Operation.WRITE, name, BlockColumns.of(memory.address(), there.address(), SIZE)));
      }
    }
  }

  /** An old address does not lead into memory of other rights, whatever was allocated since. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void whatWasFreedIsRefusedAfterOthersWereAllocated(Operation operation) throws Exception {
    try (LogCapture _ = new LogCapture();
        TestEngine target = new TestEngine(SIZE)) {
      Allocation old = target.engine.allocate(SIZE, allowing(operation));
      old.close();
      try (Allocation memory = target.engine.allocate(SIZE, forbidding(operation));
          RawInitiator peer = new RawInitiator(port(target), 0)) {
        put(memory, random(4, SIZE));
        assertThat(memory.address()).isNotEqualTo(old.address());
        peer.send(request(operation, SIZE, old));
        assertThat(peer.receive(8)).isEqualTo(REJECTED);
        assertThat(bytes(memory)).isEqualTo(random(4, SIZE));
      }
    }
  }

  /** The facade's methods, in another process. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void theFacadeAllocatesAndRegistersInABatchWithRights(Operation operation) throws Exception {
    try (PeerProcess peer = PeerProcess.initialized(Map.of());
        TestEngine here = new TestEngine(SIZE)) {
      AccessRights rights = forbidding(operation);
      long allocated = peer.call("allocateManagedBuffer", SIZE, rights);
      assertThat(allocated).isPositive();
      long first = peer.map(SIZE);
      long second = peer.map(SIZE);
      assertThat(
              peer.call(
                  "batchRegisterMemory",
                  new long[] {first, second},
                  new long[] {SIZE, SIZE},
                  "*",
                  rights))
          .isZero();
      Operation other = operation == Operation.WRITE ? Operation.READ : Operation.WRITE;
      int port = RawInitiator.dataPort(HostPort.parse(peer.name()).port());
      for (long address : new long[] {allocated, first, second}) {
        assertFailed(here.submit(operation, peer.name(), address, SIZE));
        assertCompleted(here.submit(other, peer.name(), address, SIZE));
        try (RawInitiator raw = new RawInitiator(port, 0)) {
          raw.send(
              operation == Operation.WRITE
                  ? writeRequest(address, random(5, SIZE), V2)
                  : header(SIZE, address, READ | V2));
          assertThat(raw.receive(8)).isEqualTo(REJECTED);
        }
      }
      assertThat(peer.call("freeManagedBuffer", allocated, SIZE)).isZero();
      assertThat(peer.call("batchUnregisterMemory", (Object) new long[] {first, second})).isZero();
    }
  }

  @Test
  void theFacadeRefusesNoRights() {
    try (TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      @SuppressWarnings("NullAway") // what a caller in another language may do
      long address = engine.allocateManagedBuffer(100, (AccessRights) null);
      assertThat(address).isZero();
      @SuppressWarnings("NullAway") // the same
      int status = engine.batchRegisterMemory(new long[0], new long[0], "*", null);
      assertThat(status).isEqualTo(-1);
      assertThat(engine.batchRegisterMemory(new long[1], new long[2], "*", AccessRights.READ_ONLY))
          .isEqualTo(-1);
    }
  }
}
