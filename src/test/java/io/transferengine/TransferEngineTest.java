// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every documented method against an engine in another process. */
@Timeout(60)
class TransferEngineTest {
  private static final int LENGTH = 100_003;

  private static final PeerProcess peer = PeerProcess.start();
  private static final TransferEngine engine = new TransferEngine();
  private static long local;
  private static long remote;

  @BeforeAll
  static void open() {
    peer.initialize("127.0.0.1");
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
    local = engine.allocateManagedBuffer(LENGTH);
    remote = peer.allocate(LENGTH);
    assertThat(local).isPositive();
  }

  @AfterAll
  static void close() {
    engine.close();
    peer.close();
  }

  private static void fillLocal(long seed) {
    Pattern.fill(Mapped.at(local, LENGTH), seed, 0);
  }

  private static long localMismatch(long seed) {
    return Pattern.firstMismatch(Mapped.at(local, LENGTH), seed, 0);
  }

  private static String ownName() {
    return "127.0.0.1:" + engine.getRpcPort();
  }

  @Test
  void writesAndReadsAndWaits() {
    fillLocal(1);
    assertThat(engine.transferSyncWrite(peer.name(), local, remote, LENGTH)).isZero();
    assertThat(peer.mismatch(remote, LENGTH, 1)).isEqualTo(-1);

    peer.fill(remote, LENGTH, 2);
    assertThat(engine.transferSyncRead(peer.name(), local, remote, LENGTH)).isZero();
    assertThat(localMismatch(2)).isEqualTo(-1);

    fillLocal(3);
    assertThat(engine.transferSync(peer.name(), local, remote, LENGTH, TransferOpcode.WRITE))
        .isZero();
    assertThat(peer.mismatch(remote, LENGTH, 3)).isEqualTo(-1);
    peer.fill(remote, LENGTH, 4);
    assertThat(engine.transferSync(peer.name(), local, remote, LENGTH, TransferOpcode.READ))
        .isZero();
    assertThat(localMismatch(4)).isEqualTo(-1);
  }

  @Test
  void thePeerReachesUsTheSameWay() {
    peer.fill(remote, LENGTH, 5);
    assertThat(peer.call("transferSyncWrite", ownName(), remote, local, LENGTH)).isZero();
    assertThat(localMismatch(5)).isEqualTo(-1);
    fillLocal(6);
    assertThat(peer.call("transferSyncRead", ownName(), remote, local, LENGTH)).isZero();
    assertThat(peer.mismatch(remote, LENGTH, 6)).isEqualTo(-1);
  }

  @Test
  void onlyTheBytesAskedForChange() {
    fillLocal(7);
    peer.fill(remote, LENGTH, 8);
    assertThat(engine.transferSyncWrite(peer.name(), local + 11, remote + 11, 1001)).isZero();
    assertThat(peer.mismatch(remote, 11, 8)).isEqualTo(-1);
    assertThat(peer.mismatch(remote + 11, 1001, 7, 11)).isEqualTo(-1);
    assertThat(peer.mismatch(remote + 1012, LENGTH - 1012, 8, 1012)).isEqualTo(-1);
  }

  @Test
  void submitsAndTellsTheStatusOnce() throws InterruptedException {
    fillLocal(9);
    long write = engine.transferSubmitWrite(peer.name(), local, remote, LENGTH);
    assertThat(write).isPositive();
    assertThat(ended(write)).isEqualTo(1);
    assertThat(engine.transferCheckStatus(write)).isEqualTo(-1);
    assertThat(peer.mismatch(remote, LENGTH, 9)).isEqualTo(-1);

    peer.fill(remote, LENGTH, 10);
    long read = engine.transferSubmitRead(peer.name(), local, remote, LENGTH);
    assertThat(read).isGreaterThan(write);
    assertThat(ended(read)).isEqualTo(1);
    assertThat(localMismatch(10)).isEqualTo(-1);
  }

  @Test
  void submittingToAPeerThatRefusesShowsInTheStatusOnly() throws InterruptedException {
    long id = engine.transferSubmitWrite(peer.name(), local, remote + (1L << 40), 10);
    assertThat(id).isPositive();
    assertThat(ended(id)).isEqualTo(-1);
    assertThat(engine.transferCheckStatus(id)).isEqualTo(-1);
    long nobody = engine.transferSubmitRead("127.0.0.1:1", local, remote, 10);
    assertThat(nobody).isPositive();
    assertThat(ended(nobody)).isEqualTo(-1);
  }

  @Test
  void unknownBatchIdsAreFailed() {
    assertThat(engine.transferCheckStatus(0)).isEqualTo(-1);
    assertThat(engine.transferCheckStatus(-5)).isEqualTo(-1);
    assertThat(engine.transferCheckStatus(Long.MAX_VALUE)).isEqualTo(-1);
    assertThat(engine.getBatchTransferStatus(new long[] {Long.MAX_VALUE})).isEqualTo(-1);
  }

  private static int ended(long id) throws InterruptedException {
    int status = engine.transferCheckStatus(id);
    while (status == 0) {
      Thread.sleep(1);
      status = engine.transferCheckStatus(id);
    }
    return status;
  }

  /** Two blocks that change places: 0..999 goes to 5000, 2000..2499 goes to 0. */
  private static final long[] FROM = {0, 2000};

  private static final long[] TO = {5000, 0};
  private static final long[] LENGTHS = {1000, 500};

  private static long[] at(long base, long[] offsets) {
    return new long[] {base + offsets[0], base + offsets[1]};
  }

  private static void assertWritten(long seed) {
    assertThat(peer.mismatch(remote + 5000, 1000, seed, 0)).isEqualTo(-1);
    assertThat(peer.mismatch(remote, 500, seed, 2000)).isEqualTo(-1);
    assertThat(peer.mismatch(remote + 500, 1, 999, 500)).isEqualTo(-1);
  }

  private static void assertRead(long seed) {
    assertThat(Pattern.firstMismatch(Mapped.at(local, 1000), seed, 5000)).isEqualTo(-1);
    assertThat(Pattern.firstMismatch(Mapped.at(local + 2000, 500), seed, 0)).isEqualTo(-1);
    assertThat(Pattern.firstMismatch(Mapped.at(local + 1000, 1), 999, 1000)).isEqualTo(-1);
  }

  @Test
  void batchesWriteAndWait() {
    long[] buffers = at(local, FROM);
    long[] targets = at(remote, TO);
    peer.fill(remote, LENGTH, 999);
    fillLocal(11);
    assertThat(engine.batchTransferSyncWrite(peer.name(), buffers, targets, LENGTHS)).isZero();
    assertWritten(11);
    fillLocal(12);
    assertThat(
            engine.batchTransferSync(peer.name(), buffers, targets, LENGTHS, TransferOpcode.WRITE))
        .isZero();
    assertWritten(12);
  }

  @Test
  void batchesReadAndWait() {
    long[] buffers = at(local, FROM);
    long[] targets = at(remote, TO);
    fillLocal(999);
    peer.fill(remote, LENGTH, 13);
    assertThat(engine.batchTransferSyncRead(peer.name(), buffers, targets, LENGTHS)).isZero();
    assertRead(13);
    peer.fill(remote, LENGTH, 14);
    assertThat(
            engine.batchTransferSync(peer.name(), buffers, targets, LENGTHS, TransferOpcode.READ))
        .isZero();
    assertRead(14);
  }

  @Test
  void batchesInTheBackground() throws InterruptedException {
    long[] buffers = at(local, FROM);
    long[] targets = at(remote, TO);
    peer.fill(remote, LENGTH, 999);
    fillLocal(15);
    long write = engine.batchTransferAsyncWrite(peer.name(), buffers, targets, LENGTHS);
    assertThat(engine.getBatchTransferStatus(new long[] {write})).isZero();
    assertThat(engine.transferCheckStatus(write)).as("told once").isEqualTo(-1);
    assertWritten(15);
    fillLocal(16);
    long again =
        engine.batchTransferAsync(peer.name(), buffers, targets, LENGTHS, TransferOpcode.WRITE);
    assertThat(ended(again)).isEqualTo(1);
    assertWritten(16);

    fillLocal(999);
    peer.fill(remote, LENGTH, 17);
    long read = engine.batchTransferAsyncRead(peer.name(), buffers, targets, LENGTHS);
    assertThat(engine.getBatchTransferStatus(new long[] {read})).isZero();
    assertRead(17);
    peer.fill(remote, LENGTH, 18);
    long readAgain =
        engine.batchTransferAsync(peer.name(), buffers, targets, LENGTHS, TransferOpcode.READ);
    assertThat(engine.getBatchTransferStatus(new long[] {readAgain})).isZero();
    assertRead(18);
  }

  @Test
  void statusOfSeveralBatchesIsThatOfTheWorst() {
    assertThat(engine.getBatchTransferStatus(new long[0])).isZero();
    long good = engine.transferSubmitWrite(peer.name(), local, remote, 10);
    long bad = engine.transferSubmitWrite(peer.name(), local, remote + (1L << 40), 10);
    long other = engine.transferSubmitWrite(peer.name(), local, remote, 10);
    assertThat(engine.getBatchTransferStatus(new long[] {good, bad, other})).isEqualTo(-1);
    long last = engine.transferSubmitWrite(peer.name(), local, remote, 10);
    long next = engine.transferSubmitRead(peer.name(), local, remote, 10);
    assertThat(engine.getBatchTransferStatus(new long[] {last, next})).isZero();
  }

  @Test
  void nothingToMoveIsASuccessWithoutAPeer() {
    assertThat(engine.transferSyncWrite("127.0.0.1:1", local, remote, 0)).isZero();
    assertThat(engine.transferSyncRead("127.0.0.1:1", 1, 1, 0)).isZero();
    long[] none = {};
    assertThat(engine.batchTransferSyncWrite("127.0.0.1:1", none, none, none)).isZero();
    long id = engine.transferSubmitWrite("127.0.0.1:1", local, remote, 0);
    assertThat(id).isPositive();
    assertThat(engine.transferCheckStatus(id)).isEqualTo(1);
  }

  @Test
  void registersAndUnregistersAlone() {
    try (Mapped mine = Mapped.of(8192)) {
      mine.fill(20);
      assertThat(engine.transferSyncWrite(peer.name(), mine.address(), remote, 8192)).isEqualTo(-3);
      assertThat(engine.registerMemory(mine.address(), 8192)).isZero();
      assertThat(engine.transferSyncWrite(peer.name(), mine.address(), remote, 8192)).isZero();
      assertThat(peer.mismatch(remote, 8192, 20)).isEqualTo(-1);
      assertThat(peer.call("transferSyncRead", ownName(), remote, mine.address(), 8192)).isZero();
      assertThat(engine.unregisterMemory(mine.address())).isZero();
      assertThat(engine.unregisterMemory(mine.address())).isEqualTo(-3);
      assertThat(peer.call("transferSyncRead", ownName(), remote, mine.address(), 8192))
          .as("a peer's use after the unregistration")
          .isEqualTo(-1);
      assertThat(engine.registerMemory(mine.address(), 8192, "cpu:0")).isZero();
      assertThat(engine.transferSyncWrite(peer.name(), mine.address(), remote, 8192)).isZero();
      assertThat(engine.unregisterMemory(mine.address())).isZero();
    }
  }

  @Test
  void registersSeveralOrNone() {
    try (Mapped mine = Mapped.of(16_384)) {
      long a = mine.address();
      assertThat(engine.batchRegisterMemory(new long[] {a, a + 8192}, new long[] {4096, 4096}))
          .isZero();
      assertThat(engine.transferSyncWrite(peer.name(), a + 8192, remote, 4096)).isZero();
      assertThat(engine.batchUnregisterMemory(new long[] {a, a + 8192})).isZero();
      assertThat(engine.batchUnregisterMemory(new long[] {a})).isEqualTo(-3);

      assertThat(engine.batchRegisterMemory(new long[] {a, a + 1000}, new long[] {4096, 4096}))
          .as("they overlap")
          .isEqualTo(-7);
      assertThat(engine.transferSyncWrite(peer.name(), a, remote, 10)).isEqualTo(-3);
      assertThat(engine.batchRegisterMemory(new long[] {a, 4096}, new long[] {4096, 4096}))
          .as("one is not mapped")
          .isEqualTo(-1);
      assertThat(engine.transferSyncWrite(peer.name(), a, remote, 10)).isEqualTo(-3);
      assertThat(engine.batchRegisterMemory(new long[] {a}, new long[] {1, 2})).isEqualTo(-1);
      assertThat(engine.batchRegisterMemory(new long[0], new long[0])).isZero();
      assertThat(engine.batchUnregisterMemory(new long[0])).isZero();
    }
  }

  @Test
  void allocatesAndFrees() {
    long a = engine.allocateManagedBuffer(10_000);
    long b = engine.allocateManagedBuffer(10_000);
    assertThat(a).isPositive().isNotEqualTo(b);
    assertThat(engine.transferSyncWrite(peer.name(), a, remote, 10_000)).isZero();
    assertThat(engine.transferSyncWrite(peer.name(), a, remote, 10_001)).isEqualTo(-3);
    assertThat(engine.freeManagedBuffer(a, 9_999)).isEqualTo(-1);
    assertThat(engine.freeManagedBuffer(a + 1, 10_000)).isEqualTo(-3);
    assertThat(engine.unregisterMemory(a)).as("a managed buffer").isEqualTo(-3);
    assertThat(engine.freeManagedBuffer(a, 10_000)).isZero();
    assertThat(engine.freeManagedBuffer(a, 10_000)).as("double").isEqualTo(-3);
    assertThat(engine.transferSyncWrite(peer.name(), a, remote, 10)).isEqualTo(-3);
    assertThat(engine.freeManagedBuffer(b, 10_000)).isZero();
  }

  @Test
  void bytesGoIntoBuffersAndOut() {
    byte[] text = "käse und brot".getBytes(StandardCharsets.UTF_8);
    assertThat(engine.writeBytesToBuffer(local + 3, text, text.length)).isZero();
    assertThat(engine.readBytesFromBuffer(local + 3, text.length)).isEqualTo(text);
    assertThat(engine.transferSyncWrite(peer.name(), local + 3, remote + 5, text.length)).isZero();
    assertThat(peer.text("readBytesFromBuffer", remote + 5, text.length))
        .isEqualTo(java.util.Base64.getEncoder().encodeToString(text));
    assertThat(engine.writeBytesToBuffer(local, text, 0)).isZero();
    assertThat(engine.readBytesFromBuffer(local, 0)).isEmpty();
    assertThat(engine.writeBytesToBuffer(local, new byte[] {9, 8, 7}, 2)).isZero();
    assertThat(engine.readBytesFromBuffer(local, 2)).containsExactly(9, 8);
  }

  @Test
  void theFirstBufferIsAskedForAnew() {
    try (PeerProcess fresh = PeerProcess.initialized(Map.of())) {
      assertThat(engine.getFirstBufferAddress(fresh.name())).as("no memory yet").isZero();
      long first = fresh.allocate(1000);
      assertThat(engine.getFirstBufferAddress(fresh.name()))
          .as("the first allocation of a fresh pool lies at its base")
          .isEqualTo(first);
      long second = fresh.map(4096);
      assertThat(fresh.call("registerMemory", second, 4096)).isZero();
      assertThat(engine.getFirstBufferAddress(fresh.name()))
          .as("in order of registration")
          .isEqualTo(first);
      assertThat(fresh.call("freeManagedBuffer", first, 1000)).isZero();
      assertThat(fresh.call("unregisterMemory", second)).isZero();
      long third = fresh.map(4096);
      fresh.ask("renew");
      fresh.initialize("127.0.0.1");
      assertThat(fresh.call("registerMemory", third, 4096)).isZero();
      assertThat(engine.getFirstBufferAddress(fresh.name())).isEqualTo(third);
    }
    assertThat(engine.getFirstBufferAddress("127.0.0.1:1")).isZero();
  }

  @Test
  void notificationsGoBothWaysInOrder() {
    engine.getNotifies();
    peer.call("getRpcPort");
    peer.text("getNotifies");
    assertThat(engine.sendNotify(peer.name(), "one", "1 – \"é\"\\")).isZero();
    assertThat(engine.sendNotify(peer.name(), "two", "")).isZero();
    assertThat(peer.text("getNotifies")).isEqualTo("one=1 – \"é\"\\\ntwo=");
    assertThat(peer.text("getNotifies")).isEmpty();
    assertThat(peer.call("sendNotify", ownName(), "three", "3")).isZero();
    assertThat(peer.call("sendNotify", ownName(), "four", "4")).isZero();
    assertThat(engine.getNotifies())
        .isEqualTo(List.of(new TransferNotify("three", "3"), new TransferNotify("four", "4")));
    assertThat(engine.getNotifies()).isEmpty();
    assertThat(engine.sendNotify("127.0.0.1:1", "n", "m")).isNegative();
  }

  @Test
  void probesBothWays() {
    assertThat(engine.sendProbe(peer.name())).isZero();
    assertThat(peer.call("sendProbe", ownName())).isZero();
    assertThat(engine.sendProbe("127.0.0.1:1")).isNegative();
  }

  @Test
  void topologyAndPort() {
    assertThat(engine.getLocalTopology()).isEqualTo("{}");
    assertThat(engine.getRpcPort()).isBetween(15_000, 17_000);
    assertThat(peer.call("getRpcPort"))
        .isBetween(15_000L, 17_000L)
        .isNotEqualTo(engine.getRpcPort());
  }

  @Test
  void anInitializedEngineIsNotInitializedAgain() {
    int port = engine.getRpcPort();
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isEqualTo(-1);
    assertThat(engine.initializeExt("127.0.0.1", "P2PHANDSHAKE", "tcp", "", "P2PHANDSHAKE"))
        .isEqualTo(-1);
    assertThat(engine.getRpcPort()).isEqualTo(port);
    fillLocal(30);
    assertThat(engine.transferSyncWrite(peer.name(), local, remote, LENGTH)).isZero();
    assertThat(peer.mismatch(remote, LENGTH, 30)).isEqualTo(-1);
  }

  @Test
  void initializeExtOpensTheSameEngine() {
    try (TransferEngine other = new TransferEngine();
        TransferEngine third = new TransferEngine()) {
      assertThat(other.initializeExt("127.0.0.1", "", "tcp", "", "P2PHANDSHAKE")).isZero();
      assertThat(third.initializeExt("127.0.0.1", "P2PHANDSHAKE", "tcp", "", "")).isZero();
      long mine = other.allocateManagedBuffer(1000);
      peer.fill(remote, 1000, 31);
      assertThat(other.transferSyncRead(peer.name(), mine, remote, 1000)).isZero();
      assertThat(Pattern.firstMismatch(Mapped.at(mine, 1000), 31, 0)).isEqualTo(-1);
      assertThat(other.sendProbe("127.0.0.1:" + third.getRpcPort())).isZero();
    }
  }
}
