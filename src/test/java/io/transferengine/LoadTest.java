// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.eventually;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.testkit.Blocks;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** Many blocks, many threads, seams of registrations: every byte is looked at. */
@Timeout(90)
class LoadTest {
  private static final PeerProcess peer = PeerProcess.start();
  private static final TransferEngine engine = new TransferEngine();

  @BeforeAll
  static void open() {
    peer.initialize("127.0.0.1");
    assertThat(engine.initialize("127.0.0.1", "P2PHANDSHAKE", "tcp", "")).isZero();
  }

  @AfterAll
  static void close() {
    engine.close();
    peer.close();
  }

  @Test
  void oneMillionBlocksInOneBatch() {
    int count = 1_000_000;
    long length = 512;
    long stride = 576; // a gap after each block, on both sides: none can be merged
    try (Mapped mine = Mapped.of(count * stride)) {
      long remote = peer.map(count * stride);
      assertThat(engine.registerMemory(mine.address(), mine.length())).isZero();
      assertThat(peer.call("registerMemory", remote, mine.length())).isZero();
      long[] from = Blocks.addresses(mine.address(), count, stride);
      long[] to = Blocks.addresses(remote, count, stride);
      long[] lengths = new long[count];
      Arrays.fill(lengths, length);

      Blocks.fill(mine.address(), count, length, stride, 1);
      long id = engine.batchTransferAsyncWrite(peer.name(), from, to, lengths);
      assertThat(id).isPositive();
      assertThat(engine.getBatchTransferStatus(new long[] {id})).isZero();
      assertThat(peer.ask("strided", remote, count, length, stride, 1)).isEqualTo("-1");

      mine.segment().fill((byte) 0);
      assertThat(engine.batchTransferSyncRead(peer.name(), from, to, lengths)).isZero();
      assertThat(Blocks.firstWrong(mine.address(), count, length, stride, 1)).isEqualTo(-1);

      assertThat(engine.unregisterMemory(mine.address())).isZero();
      assertThat(peer.call("unregisterMemory", remote)).isZero();
      peer.ask("unmap", remote);
    }
    long[] tooMany = new long[count + 1];
    try (LogCapture log = new LogCapture()) {
      assertThat(engine.batchTransferSyncRead(peer.name(), tooMany, tooMany, tooMany))
          .isEqualTo(-2);
      assertThat(log.warnings()).singleElement().asString().contains("1000001");
    }
  }

  @Test
  @EnabledOnOs(OS.LINUX) // only there does a thread see how often it was put to sleep
  void whoWaitsForAHundredThousandBlocksIsWokenOnce() throws Exception {
    int count = 100_000;
    long length = 512;
    long stride = 576;
    try (Mapped mine = Mapped.of(count * stride)) {
      long remote = peer.map(count * stride);
      assertThat(engine.registerMemory(mine.address(), mine.length())).isZero();
      assertThat(peer.call("registerMemory", remote, mine.length())).isZero();
      long[] from = Blocks.addresses(mine.address(), count, stride);
      long[] to = Blocks.addresses(remote, count, stride);
      long[] lengths = new long[count];
      Arrays.fill(lengths, length);
      timesAsleep();
      for (int i = 0; i < 5; i++) {
        long id = engine.batchTransferAsyncWrite(peer.name(), from, to, lengths);
        long before = timesAsleep();
        assertThat(engine.getBatchTransferStatus(new long[] {id})).isZero();
        // One, and some for what the JVM may do meanwhile; a wake-up for each block, request or
        // even frame of 256 blocks would be hundreds.
        assertThat(timesAsleep() - before).isLessThan(20);
      }
      assertThat(engine.unregisterMemory(mine.address())).isZero();
      assertThat(peer.call("unregisterMemory", remote)).isZero();
      peer.ask("unmap", remote);
    }
  }

  /** How often this thread has given up its processor to wait for something. */
  private static long timesAsleep() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/thread-self/status"))) {
      if (line.startsWith("voluntary_ctxt_switches:")) {
        return Long.parseLong(line.substring(line.indexOf(':') + 1).strip());
      }
    }
    throw new IOException("/proc/thread-self/status has no voluntary_ctxt_switches");
  }

  @Test
  void blocksOnBothSidesOfASeamGoAndOneAcrossItDoesNot() {
    long half = 1 << 16;
    try (Mapped mine = Mapped.of(2 * half);
        LogCapture _ = new LogCapture()) {
      long remote = peer.map(2 * half);
      long seam = remote + half;
      long localSeam = mine.address() + half;
      assertThat(
              engine.batchRegisterMemory(
                  new long[] {mine.address(), localSeam}, new long[] {half, half}))
          .isZero();
      assertThat(peer.call("registerMemory", remote, half)).isZero();
      assertThat(peer.call("registerMemory", seam, half)).isZero();

      assertSeamHolds(mine, remote, 1);
      // Across the peer's seam, from memory that has none there.
      assertThat(engine.transferSyncWrite(peer.name(), mine.address(), seam - 1, 2)).isEqualTo(-1);
      assertThat(engine.transferSyncRead(peer.name(), mine.address(), seam - 100, 200))
          .isEqualTo(-1);
      // Across our own.
      assertThat(engine.transferSyncWrite(peer.name(), localSeam - 1, remote, 2)).isEqualTo(-3);
      assertThat(engine.transferSyncRead(peer.name(), localSeam - 100, remote, 200)).isEqualTo(-3);
      assertSeamHolds(mine, remote, 2);

      // What we know of the peer is old now: one registration where there were two, and back.
      assertThat(peer.call("batchUnregisterMemory", new long[] {remote, seam})).isZero();
      assertThat(peer.call("registerMemory", remote, 2 * half)).isZero();
      assertThat(engine.batchUnregisterMemory(new long[] {mine.address(), localSeam})).isZero();
      assertThat(engine.registerMemory(mine.address(), 2 * half)).isZero();
      assertThat(engine.getFirstBufferAddress(peer.name())).isPositive();
      assertSeamHolds(mine, remote, 3);
      assertThat(peer.call("unregisterMemory", remote)).isZero();
      assertThat(
              peer.call("batchRegisterMemory", new long[] {remote, seam}, new long[] {half, half}))
          .isZero();
      assertSeamHolds(mine, remote, 4);

      assertThat(engine.unregisterMemory(mine.address())).isZero();
      assertThat(peer.call("batchUnregisterMemory", new long[] {remote, seam})).isZero();
      peer.ask("unmap", remote);
    }
  }

  /** 32 blocks of 4 KiB, adjacent on both sides, so that all of them could be one request. */
  private static void assertSeamHolds(Mapped mine, long remote, long seed) {
    int count = 32;
    long[] lengths = new long[count];
    Arrays.fill(lengths, 4096);
    long[] from = Blocks.addresses(mine.address(), count, 4096);
    long[] to = Blocks.addresses(remote, count, 4096);
    mine.fill(seed);
    peer.zero(remote, mine.length());
    assertThat(engine.batchTransferSyncWrite(peer.name(), from, to, lengths)).isZero();
    assertThat(peer.mismatch(remote, mine.length(), seed)).isEqualTo(-1);
    peer.fill(remote, mine.length(), seed + 100);
    assertThat(engine.batchTransferSyncRead(peer.name(), from, to, lengths)).isZero();
    assertThat(Pattern.firstMismatch(mine.segment(), seed + 100, 0)).isEqualTo(-1);
  }

  @Test
  void sixtyFourThreadsShareOneEngine() throws Exception {
    int threads = 64;
    long slot = 1 << 18;
    long mine = engine.allocateManagedBuffer(threads * slot);
    long remote = peer.allocate(threads * slot);
    List<Future<?>> tasks = new ArrayList<>();
    try (var pool = Executors.newFixedThreadPool(threads)) {
      for (int i = 0; i < threads; i++) {
        long seed = i;
        long offset = i * slot;
        tasks.add(pool.submit(() -> writeAndReadBack(mine + offset, remote + offset, slot, seed)));
      }
    }
    for (Future<?> task : tasks) {
      task.get();
    }
    assertThat(engine.freeManagedBuffer(mine, threads * slot)).isZero();
    assertThat(peer.call("freeManagedBuffer", remote, threads * slot)).isZero();
  }

  private static void writeAndReadBack(long local, long remote, long slot, long seed) {
    MemorySegment mine = Mapped.at(local, slot);
    long half = slot / 2;
    for (int round = 0; round < 10; round++) {
      long length = round % 2 == 0 ? half : 1000 + 37L * round;
      Pattern.fill(mine.asSlice(0, length), seed, round);
      assertThat(engine.transferSyncWrite(peer.name(), local, remote, length)).isZero();
      assertThat(engine.transferSyncRead(peer.name(), local + half, remote, length)).isZero();
      assertThat(Pattern.firstMismatch(mine.asSlice(half, length), seed, round)).isEqualTo(-1);
    }
  }

  @Test
  void aThreadWithBadAddressesHurtsNoneOfTheOthers() throws Exception {
    int good = 63;
    long slot = 1 << 16;
    long mine = engine.allocateManagedBuffer((good + 1) * slot);
    long remote = peer.allocate((good + 1) * slot);
    long unregistered = peer.map(8192);
    AtomicBoolean over = new AtomicBoolean();
    AtomicInteger refused = new AtomicInteger();
    List<Future<?>> tasks = new ArrayList<>();
    try (LogCapture _ = new LogCapture();
        var pool = Executors.newFixedThreadPool(good + 1)) {
      Future<?> bad =
          pool.submit(
              () -> {
                while (!over.get()) {
                  assertThat(engine.transferSyncWrite(peer.name(), mine, unregistered, 5000))
                      .isEqualTo(-1);
                  assertThat(engine.transferSyncRead(peer.name(), mine, unregistered, 10))
                      .isEqualTo(-1);
                  refused.incrementAndGet();
                }
              });
      for (int i = 1; i <= good; i++) {
        long seed = i;
        long offset = i * slot;
        tasks.add(pool.submit(() -> writeAndReadBack(mine + offset, remote + offset, slot, seed)));
      }
      try {
        for (Future<?> task : tasks) {
          task.get();
        }
      } finally {
        over.set(true);
      }
      bad.get();
    }
    assertThat(refused.get()).isPositive();
    assertThat(engine.freeManagedBuffer(mine, (good + 1) * slot)).isZero();
    assertThat(peer.call("freeManagedBuffer", remote, (good + 1) * slot)).isZero();
    peer.ask("unmap", unregistered);
  }

  /** All of them wait while the peer stands still, and all of them end. */
  @Test
  void tenThousandVirtualThreadsWaitAtOnce() throws Exception {
    int count = 10_000;
    long mine = engine.allocateManagedBuffer(count * 64L);
    long remote = peer.allocate(count * 64L);
    Pattern.fill(Mapped.at(mine, count * 64L), 5, 0);
    assertThat(engine.transferSyncRead(peer.name(), mine, remote, 0)).isZero();
    assertThat(engine.transferSyncWrite(peer.name(), mine, remote, 64)).isZero();
    Queue<Thread> callers = new ConcurrentLinkedQueue<>();
    AtomicInteger left = new AtomicInteger();
    List<Future<Integer>> calls = new ArrayList<>();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      peer.stop();
      try {
        for (int i = 0; i < count; i++) {
          long offset = i * 64L;
          calls.add(
              threads.submit(
                  () -> {
                    callers.add(Thread.currentThread());
                    int status =
                        engine.transferSyncWrite(peer.name(), mine + offset, remote + offset, 64);
                    left.incrementAndGet();
                    return status;
                  }));
        }
        eventually("all have come", () -> callers.size() == count);
        eventually(
            "all wait",
            () ->
                callers.stream()
                    .map(Thread::getState)
                    .allMatch(
                        state ->
                            state == Thread.State.WAITING || state == Thread.State.TIMED_WAITING));
        assertThat(left.get()).isZero();
      } finally {
        peer.resume();
      }
      for (Future<Integer> call : calls) {
        assertThat(call.get()).isZero();
      }
    }
    assertThat(peer.mismatch(remote, count * 64L, 5)).isEqualTo(-1);
    assertThat(engine.freeManagedBuffer(mine, count * 64L)).isZero();
    assertThat(peer.call("freeManagedBuffer", remote, count * 64L)).isZero();
  }
}
