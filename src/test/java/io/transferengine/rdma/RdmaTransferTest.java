// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.TransferEngine;
import io.transferengine.testkit.Blocks;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.PeerProcess;
import java.util.Arrays;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Bytes between two processes, of which each uses one device, in both directions and at either
 * one's initiative. Every transfer is compared byte by byte, with the surroundings of its
 * destination, and must show in the initiating device's count of packets.
 */
@Tag("rdma")
@Timeout(120)
class RdmaTransferTest {
  /** Odd ones, and those around slices (64 KiB), packets (4 KiB) and pages. */
  private static final long[] LENGTHS = {
    1,
    2,
    3,
    7,
    64,
    255,
    1000,
    4095,
    4096,
    4097,
    65_535,
    65_536,
    65_537,
    262_147,
    (1 << 20) + 1,
    (4 << 20) - 1,
    4 << 20
  };

  private static final long LARGE = 16 << 20;

  /** Bytes on either side of the destination that must stay as they were. */
  private static final long GUARD = 4096;

  private static final long LENGTH = LARGE + 3 * GUARD;

  private static final int BLOCKS = 100_000;
  private static final long BLOCK = 256;
  private static final long STRIDE = 320;

  private static final PeerProcess peer = PeerProcess.start();
  private static final TransferEngine engine = new TransferEngine();
  private static final Mapped memory = Mapped.of(LENGTH);
  private static final Memory mine = Memory.here(memory.address());
  private static Memory theirs = mine;

  @BeforeAll
  static void open() {
    RdmaPort ours = RdmaPort.ours();
    RdmaPort other = RdmaPort.theirs();
    peer.initialize(other.address(), "rdma", other.device());
    theirs = Memory.of(peer, peer.map(LENGTH));
    assertThat(peer.call("registerMemory", theirs.address(), LENGTH)).isZero();
    assertThat(engine.initialize(ours.address(), "P2PHANDSHAKE", "rdma", ours.device())).isZero();
    assertThat(engine.registerMemory(memory.address(), LENGTH)).isZero();
  }

  @AfterAll
  static void close() {
    engine.close();
    peer.close();
    memory.close();
  }

  private static String ownName() {
    return RdmaPort.ours().address() + ":" + engine.getRpcPort();
  }

  /** A transfer between an initiator's range and a target's. */
  private interface Call {
    long status(long local, long remote, long length);
  }

  private static final Call WE_WRITE =
      (local, remote, length) -> engine.transferSyncWrite(peer.name(), local, remote, length);
  private static final Call WE_READ =
      (local, remote, length) -> engine.transferSyncRead(peer.name(), local, remote, length);
  private static final Call THEY_WRITE =
      (local, remote, length) -> peer.call("transferSyncWrite", ownName(), local, remote, length);
  private static final Call THEY_READ =
      (local, remote, length) -> peer.call("transferSyncRead", ownName(), local, remote, length);

  private static void move(
      Memory source, long from, Memory destination, long to, long length, Runnable transfer) {
    long seed = length * 31 + from;
    source.fill(from, length, seed);
    destination.fill(to - GUARD, GUARD, seed + 1);
    destination.fill(to, length + GUARD, seed + 1);
    transfer.run();
    assertThat(destination.mismatch(to, length, seed, from)).as("content").isEqualTo(-1);
    assertThat(destination.mismatch(to - GUARD, GUARD, seed + 1, to - GUARD))
        .as("before it")
        .isEqualTo(-1);
    assertThat(destination.mismatch(to + length, GUARD, seed + 1, to + length))
        .as("after it")
        .isEqualTo(-1);
  }

  /** All lengths, at offsets that are odd on both sides and differ in their alignment. */
  private static void moveAllLengths(
      Memory local, Memory remote, Call call, boolean write, String device) {
    long before = RdmaPort.packetsSent(device);
    for (int i = 0; i < LENGTHS.length; i++) {
      long length = LENGTHS[i];
      long localOffset = GUARD + 1 + 2L * i;
      long remoteOffset = GUARD + 501 - 14L * i;
      Runnable transfer =
          () ->
              assertThat(
                      call.status(
                          local.address() + localOffset, remote.address() + remoteOffset, length))
                  .as("status for %d bytes", length)
                  .isZero();
      if (write) {
        move(local, localOffset, remote, remoteOffset, length, transfer);
      } else {
        move(remote, remoteOffset, local, localOffset, length, transfer);
      }
    }
    assertThat(RdmaPort.packetsSent(device) - before)
        .as("packets of %s", device)
        .isGreaterThanOrEqualTo(LENGTHS.length);
  }

  @Test
  void weWriteEveryLength() {
    moveAllLengths(mine, theirs, WE_WRITE, true, RdmaPort.ours().device());
  }

  @Test
  void weReadEveryLength() {
    moveAllLengths(mine, theirs, WE_READ, false, RdmaPort.ours().device());
  }

  @Test
  void thePeerWritesEveryLength() {
    moveAllLengths(theirs, mine, THEY_WRITE, true, RdmaPort.theirs().device());
  }

  @Test
  void thePeerReadsEveryLength() {
    moveAllLengths(theirs, mine, THEY_READ, false, RdmaPort.theirs().device());
  }

  /** Our own segment, by its name, like any other: from one half of the memory to the other. */
  @Test
  void weWriteAndReadOurOwnSegment() {
    Memory half = Memory.here(memory.address() + LARGE / 2);
    String device = RdmaPort.ours().device();
    moveAllLengths(
        mine,
        half,
        (local, remote, length) -> engine.transferSyncWrite(ownName(), local, remote, length),
        true,
        device);
    moveAllLengths(
        mine,
        half,
        (local, remote, length) -> engine.transferSyncRead(ownName(), local, remote, length),
        false,
        device);
  }

  @Test
  void sixteenMebibytesEachWay() {
    long offset = GUARD + 13;
    long local = mine.address() + offset;
    long remote = theirs.address() + offset;
    move(
        mine,
        offset,
        theirs,
        offset,
        LARGE,
        () -> assertThat(WE_WRITE.status(local, remote, LARGE)).isZero());
    move(
        theirs,
        offset,
        mine,
        offset,
        LARGE,
        () -> assertThat(WE_READ.status(local, remote, LARGE)).isZero());
  }

  @Test
  void submitsAndTellsTheStatusOnce() throws InterruptedException {
    mine.fill(0, LARGE, 3);
    int count = 16;
    long part = LARGE / count;
    long[] ids = new long[count];
    for (int i = 0; i < count; i++) {
      ids[i] =
          engine.transferSubmitWrite(
              peer.name(), mine.address() + i * part, theirs.address() + i * part, part);
      assertThat(ids[i]).isPositive();
    }
    for (long id : ids) {
      int status = engine.transferCheckStatus(id);
      while (status == 0) {
        Thread.sleep(5);
        status = engine.transferCheckStatus(id);
      }
      assertThat(status).isEqualTo(1);
      assertThat(engine.transferCheckStatus(id)).isEqualTo(-1);
    }
    assertThat(theirs.mismatch(0, LARGE, 3, 0)).isEqualTo(-1);
  }

  @Test
  void aHundredThousandBlocksNoneAdjacent() {
    long all = BLOCKS * STRIDE;
    try (Mapped source = Mapped.of(all)) {
      long remote = peer.map(all);
      assertThat(peer.call("registerMemory", remote, all)).isZero();
      assertThat(engine.registerMemory(source.address(), all)).isZero();
      long[] locals = Blocks.addresses(source.address(), BLOCKS, STRIDE);
      long[] remotes = Blocks.addresses(remote, BLOCKS, STRIDE);
      long[] lengths = new long[BLOCKS];
      Arrays.fill(lengths, BLOCK);

      Blocks.fill(source.address(), BLOCKS, BLOCK, STRIDE, 5);
      assertThat(engine.batchTransferSyncWrite(peer.name(), locals, remotes, lengths)).isZero();
      assertThat(peer.ask("strided", remote, BLOCKS, BLOCK, STRIDE, 5)).isEqualTo("-1");

      source.segment().fill((byte) 0);
      assertThat(engine.batchTransferSyncRead(peer.name(), locals, remotes, lengths)).isZero();
      assertThat(Blocks.firstWrong(source.address(), BLOCKS, BLOCK, STRIDE, 5)).isEqualTo(-1);

      assertThat(engine.unregisterMemory(source.address())).isZero();
      assertThat(peer.call("unregisterMemory", remote)).isZero();
      peer.ask("unmap", remote);
    }
  }

  @Test
  void managedMemoryWorksToo() {
    long length = 1_000_003;
    long local = engine.allocateManagedBuffer(length);
    long remote = peer.allocate(length);
    Memory.here(local).fill(0, length, 6);
    assertThat(engine.transferSyncWrite(peer.name(), local, remote, length)).isZero();
    assertThat(peer.mismatch(remote, length, 6)).isEqualTo(-1);
    assertThat(engine.freeManagedBuffer(local, length)).isZero();
    assertThat(peer.call("freeManagedBuffer", remote, length)).isZero();
  }

  @Test
  void notificationsAndProbesReachThePeer() {
    assertThat(engine.sendProbe(peer.name())).isZero();
    assertThat(engine.sendNotify(peer.name(), "kv", "layer 3")).isZero();
    assertThat(peer.text("getNotifies")).isEqualTo("kv=layer 3");
  }
}
