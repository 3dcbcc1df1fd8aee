// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Before initialize, after close, and with nonsense in every argument: a status, no exception. */
@Timeout(60)
class TransferEngineLifeTest {
  private static final long[] ONE = {1};

  private static void assertNothingWorks(TransferEngine engine) {
    assertThat(engine.getRpcPort()).isEqualTo(-1);
    assertThat(engine.allocateManagedBuffer(10)).isZero();
    assertThat(engine.freeManagedBuffer(1, 10)).isEqualTo(-1);
    assertThat(engine.getFirstBufferAddress("127.0.0.1:1")).isZero();
    assertThat(engine.transferSyncWrite("127.0.0.1:1", 1, 1, 1)).isEqualTo(-1);
    assertThat(engine.transferSyncRead("127.0.0.1:1", 1, 1, 1)).isEqualTo(-1);
    assertThat(engine.transferSync("127.0.0.1:1", 1, 1, 1, TransferOpcode.READ)).isEqualTo(-1);
    assertThat(engine.transferSync("127.0.0.1:1", 1, 1, 0, TransferOpcode.READ)).isEqualTo(-1);
    assertThat(engine.transferSubmitWrite("127.0.0.1:1", 1, 1, 1)).isEqualTo(-1);
    assertThat(engine.transferSubmitRead("127.0.0.1:1", 1, 1, 1)).isEqualTo(-1);
    assertThat(engine.transferCheckStatus(1)).isEqualTo(-1);
    assertThat(engine.writeBytesToBuffer(1, new byte[1], 1)).isEqualTo(-1);
    assertThat(engine.readBytesFromBuffer(1, 1)).isEmpty();
    assertThat(engine.registerMemory(1, 1)).isEqualTo(-1);
    assertThat(engine.registerMemory(1, 1, "*")).isEqualTo(-1);
    assertThat(engine.unregisterMemory(1)).isEqualTo(-1);
    assertThat(engine.batchTransferSyncWrite("p", ONE, ONE, ONE)).isEqualTo(-1);
    assertThat(engine.batchTransferSyncRead("p", ONE, ONE, ONE)).isEqualTo(-1);
    assertThat(engine.batchTransferSync("p", ONE, ONE, ONE, TransferOpcode.READ)).isEqualTo(-1);
    assertThat(engine.batchTransferAsyncWrite("p", ONE, ONE, ONE)).isEqualTo(-1);
    assertThat(engine.batchTransferAsyncRead("p", ONE, ONE, ONE)).isEqualTo(-1);
    assertThat(engine.batchTransferAsync("p", ONE, ONE, ONE, TransferOpcode.READ)).isEqualTo(-1);
    assertThat(engine.getBatchTransferStatus(ONE)).isEqualTo(-1);
    assertThat(engine.batchRegisterMemory(ONE, ONE)).isEqualTo(-1);
    assertThat(engine.batchUnregisterMemory(ONE)).isEqualTo(-1);
    assertThat(engine.getLocalTopology()).isEmpty();
    assertThat(engine.sendProbe("127.0.0.1:1")).isEqualTo(-1);
    assertThat(engine.sendNotify("127.0.0.1:1", "n", "m")).isEqualTo(-1);
    assertThat(engine.getNotifies()).isEmpty();
  }

  @Test
  void beforeInitializeAndAfterCloseThereAreOnlyStatuses() {
    TransferEngine engine = new TransferEngine();
    assertNothingWorks(engine);
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    assertThat(engine.getRpcPort()).isPositive();
    engine.close();
    assertNothingWorks(engine);
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isEqualTo(-1);
    engine.close();
    assertNothingWorks(engine);
  }

  @Test
  void closedWithoutHavingBeenInitialized() {
    TransferEngine engine = new TransferEngine();
    engine.close();
    assertNothingWorks(engine);
  }

  @Test
  void aFailedInitializeMayBeTriedAgain() {
    try (LogCapture log = new LogCapture();
        TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("", "P2PHANDSHAKE", "tcp", "")).isNegative();
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "carrier pigeon", "")).isNegative();
      assertNothingWorks(engine);
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      assertThat(engine.allocateManagedBuffer(10)).isPositive();
      assertThat(log.warnings()).hasSize(2);
    }
  }

  @Test
  @SuppressWarnings("NullAway") // that is what it is about
  void nullIsAStatusEverywhere() {
    try (LogCapture log = new LogCapture();
        TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize(null, "P2PHANDSHAKE", "tcp", "")).isEqualTo(-1);
      assertThat(engine.initialize("127.0.0.1", null, "tcp", "")).isEqualTo(-1);
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", null, "")).isEqualTo(-1);
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", null)).isEqualTo(-1);
      assertThat(engine.initializeExt(null, "P2PHANDSHAKE", "tcp", "", "")).isEqualTo(-1);
      assertThat(engine.initializeExt("127.0.0.1", null, "tcp", "", "")).isEqualTo(-1);
      assertThat(engine.initializeExt("127.0.0.1", null, "tcp", "", "P2PHANDSHAKE")).isEqualTo(-1);
      assertThat(engine.initializeExt("127.0.0.1", "P2PHANDSHAKE", "tcp", "", null)).isEqualTo(-1);
      assertThat(log.take()).hasSize(8).allSatisfy(text -> assertThat(text).contains("null"));

      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      long local = engine.allocateManagedBuffer(100);
      long[] buffers = {local};
      String name = "127.0.0.1:" + engine.getRpcPort();
      assertThat(engine.getFirstBufferAddress(null)).isZero();
      assertThat(engine.transferSyncWrite(null, local, 1, 1)).isEqualTo(-1);
      assertThat(engine.transferSyncRead(null, local, 1, 1)).isEqualTo(-1);
      assertThat(engine.transferSync(null, local, 1, 1, TransferOpcode.READ)).isEqualTo(-1);
      assertThat(engine.transferSync(name, local, 1, 1, null)).isEqualTo(-1);
      assertThat(engine.transferSubmitWrite(null, local, 1, 1)).isEqualTo(-1);
      assertThat(engine.transferSubmitRead(null, local, 1, 1)).isEqualTo(-1);
      assertThat(engine.writeBytesToBuffer(local, null, 1)).isEqualTo(-1);
      assertThat(engine.registerMemory(local, 1, null)).isEqualTo(-1);
      assertThat(engine.batchTransferSyncWrite(name, null, ONE, ONE)).isEqualTo(-1);
      assertThat(engine.batchTransferSyncWrite(name, buffers, null, ONE)).isEqualTo(-1);
      assertThat(engine.batchTransferSyncRead(name, buffers, ONE, null)).isEqualTo(-1);
      assertThat(engine.batchTransferSyncRead(null, buffers, ONE, ONE)).isEqualTo(-1);
      assertThat(engine.batchTransferSync(name, buffers, ONE, ONE, null)).isEqualTo(-1);
      assertThat(engine.batchTransferAsyncWrite(null, buffers, ONE, ONE)).isEqualTo(-1);
      assertThat(engine.batchTransferAsyncWrite(name, null, ONE, ONE)).isEqualTo(-1);
      assertThat(engine.batchTransferAsyncRead(name, buffers, null, ONE)).isEqualTo(-1);
      assertThat(engine.batchTransferAsyncRead(name, buffers, ONE, null)).isEqualTo(-1);
      assertThat(engine.batchTransferAsync(name, buffers, ONE, ONE, null)).isEqualTo(-1);
      assertThat(engine.getBatchTransferStatus(null)).isEqualTo(-1);
      assertThat(engine.batchRegisterMemory(null, ONE)).isEqualTo(-1);
      assertThat(engine.batchRegisterMemory(ONE, null)).isEqualTo(-1);
      assertThat(engine.batchUnregisterMemory(null)).isEqualTo(-1);
      assertThat(engine.sendProbe(null)).isEqualTo(-1);
      assertThat(engine.sendNotify(null, "n", "m")).isEqualTo(-1);
      assertThat(engine.sendNotify(name, null, "m")).isEqualTo(-1);
      assertThat(engine.sendNotify(name, "n", null)).isEqualTo(-1);
      assertThat(log.take()).hasSize(27).allSatisfy(text -> assertThat(text).contains("null"));

      // Nothing was left behind: no use of the buffer, no message.
      assertThat(engine.getNotifies()).isEmpty();
      assertThat(engine.freeManagedBuffer(local, 100)).isZero();
    }
  }

  @Test
  void columnsOfDifferentLengthsAreRefused() {
    try (LogCapture log = new LogCapture();
        TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      long local = engine.allocateManagedBuffer(100);
      long[] one = {local};
      long[] two = {local, local};
      String name = "127.0.0.1:" + engine.getRpcPort();
      assertThat(engine.batchTransferSyncWrite(name, one, two, two)).isEqualTo(-1);
      assertThat(engine.batchTransferSyncRead(name, two, one, two)).isEqualTo(-1);
      assertThat(engine.batchTransferAsyncWrite(name, two, two, one)).isEqualTo(-1);
      assertThat(engine.batchTransferAsyncRead(name, one, one, new long[0])).isEqualTo(-1);
      assertThat(engine.transferSyncWrite(name, local, local, -1)).isEqualTo(-1);
      assertThat(engine.transferSubmitRead(name, local, local, -1)).isEqualTo(-1);
      assertThat(engine.transferSubmitRead(name, local, Long.MAX_VALUE, 10)).isEqualTo(-1);
      assertThat(log.warnings()).hasSize(7);
    }
  }

  @Test
  void theNewestResultsThatNobodyAskedForAreKept() {
    int kept = 65_536;
    try (TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      long first = engine.transferSubmitWrite("127.0.0.1:1", 1, 1, 0);
      long last = first;
      for (int i = 1; i < kept + 10; i++) {
        last = engine.transferSubmitWrite("127.0.0.1:1", 1, 1, 0);
      }
      assertThat(last - first).as("ids count up").isEqualTo(kept + 9);
      assertThat(engine.transferCheckStatus(first + 9)).as("made room").isEqualTo(-1);
      assertThat(engine.transferCheckStatus(first + 10)).as("the oldest kept").isEqualTo(1);
      assertThat(engine.transferCheckStatus(last)).isEqualTo(1);
    }
  }

  @Test
  void anEngineReachesItself() {
    try (Mapped mine = Mapped.of(8192);
        TransferEngine engine = new TransferEngine()) {
      assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
      assertThat(engine.registerMemory(mine.address(), 8192)).isZero();
      assertThat(engine.writeBytesToBuffer(mine.address(), new byte[] {1, 2, 3}, 3)).isZero();
      String self = "127.0.0.1:" + engine.getRpcPort();
      assertThat(engine.transferSyncWrite(self, mine.address(), mine.address() + 4096, 3)).isZero();
      assertThat(engine.readBytesFromBuffer(mine.address() + 4096, 3)).containsExactly(1, 2, 3);
    }
  }
}
