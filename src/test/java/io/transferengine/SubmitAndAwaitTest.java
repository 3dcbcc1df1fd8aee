// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.uring.IoUring;
import io.transferengine.events.EngineListener;
import io.transferengine.events.TransferReport;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Who waits for a transfer moves it, where that can be; all else is as if it had only waited. */
@Timeout(120)
class SubmitAndAwaitTest {
  /** Around the limits of what is staged, and of what callers move themselves. */
  private static final int[] SIZES = {
    0, 1, 7, 4095, 4096, 16_383, 16_384, 16_385, 65_537, (512 << 10) - 1, 512 << 10, (512 << 10) + 1
  };

  private static final int SLOT = 1 << 20;

  @TempDir private static Path folder;

  enum Variant {
    EPOLL,
    NIO,
    IO_URING,
    CHECKED,
    TOKEN,
    ONE_LANE,
    VERSION_1;

    void needsItsKernel() {
      Needs.ofMachine(
          this != IO_URING || IoUring.isAvailable(), "the kernel does not allow io_uring");
    }

    EngineConfig.Builder in(EngineConfig.Builder builder) {
      return switch (this) {
        case EPOLL -> builder;
        case NIO -> builder.tcpIo(TcpIo.NIO);
        case IO_URING -> builder.tcpIo(TcpIo.IO_URING);
        case CHECKED -> builder.checksum(ChecksumMode.REQUIRE_CRC32C);
        case TOKEN ->
            builder.tokenFile(
                TokenFiles.write(folder.resolve("token"), "cluster " + TokenFiles.SECRET)
                    .toString());
        case ONE_LANE -> builder.tcpLanesPerPeer(1).tcpIoThreads(1).busyPollMicros(100);
        case VERSION_1 -> builder.tcpProtoVersion(1);
      };
    }
  }

  private static TransferState move(
      TestEngine engine, Operation operation, String target, long local, long remote, long bytes)
      throws InterruptedException {
    Transfer ended =
        engine.engine.submitAndAwait(
            TransferRequest.of(operation, target, BlockColumns.of(local, remote, bytes)));
    assertThat(ended.state().isTerminal()).isTrue();
    return ended.state();
  }

  /**
   * Ranges of {@code bytes} in all, cut into blocks that lie the other way round at the peer; so no
   * two of them can be joined.
   */
  private record Mirrored(long local, long remote, int bytes, int block) {
    private int count() {
      return Math.ceilDiv(bytes, block);
    }

    private int length(int index) {
      return Math.min(block, bytes - index * block);
    }

    private int remoteOffset(int index) {
      return bytes - index * block - length(index);
    }

    BlockColumns blocks() {
      long[] here = new long[count()];
      long[] there = new long[count()];
      long[] lengths = new long[count()];
      for (int i = 0; i < count(); i++) {
        here[i] = local + (long) i * block;
        there[i] = remote + remoteOffset(i);
        lengths[i] = length(i);
      }
      return BlockColumns.of(here, there, lengths);
    }

    /** {@return what is to be there when these were moved} */
    byte[] moved(Operation operation, byte[] source) {
      byte[] destination = new byte[bytes];
      for (int i = 0; i < count(); i++) {
        int here = i * block;
        int from = operation == Operation.READ ? remoteOffset(i) : here;
        int to = operation == Operation.READ ? here : remoteOffset(i);
        System.arraycopy(source, from, destination, to, length(i));
      }
      return destination;
    }
  }

  @ParameterizedTest
  @EnumSource
  void batchesArriveBothWays(Variant variant) throws Exception {
    variant.needsItsKernel();
    try (TestEngine here = new TestEngine(2L * SLOT, variant::in);
        TestEngine there = new TestEngine(SLOT, variant::in)) {
      for (int round = 0; round < 10; round++) {
        for (int block : new int[] {1024, 4096, 16_384, 70_000}) {
          for (int size : new int[] {3 * block, 65_537, 300_001, 512 << 10, (512 << 10) + 1}) {
            byte[] sent = TestEngine.random(round * 31L + size, size);
            here.put(0, sent);
            Mirrored out = new Mirrored(here.address(), there.address() + 3, size, block);
            move(here, there, Operation.WRITE, out);
            assertThat(Arrays.mismatch(there.bytes(3, size), out.moved(Operation.WRITE, sent)))
                .isEqualTo(-1);
            move(
                here,
                there,
                Operation.READ,
                new Mirrored(here.address() + SLOT, there.address() + 3, size, block));
            assertThat(Arrays.mismatch(here.bytes(SLOT, size), sent)).isEqualTo(-1);
          }
        }
      }
    }
  }

  private static void move(
      TestEngine engine, TestEngine target, Operation operation, Mirrored blocks)
      throws InterruptedException {
    Transfer ended =
        engine.engine.submitAndAwait(
            TransferRequest.of(operation, target.engine.segmentName(), blocks.blocks()));
    assertThat(ended.state()).isEqualTo(TransferState.COMPLETED);
  }

  @ParameterizedTest
  @EnumSource
  void bytesArriveBothWays(Variant variant) throws Exception {
    variant.needsItsKernel();
    try (TestEngine here = new TestEngine(2L * SLOT, variant::in);
        TestEngine there = new TestEngine(SLOT, variant::in)) {
      String target = there.engine.segmentName();
      for (int round = 0; round < 20; round++) {
        for (int size : SIZES) {
          byte[] sent = TestEngine.random(round * 31L + size, size);
          here.put(0, sent);
          assertThat(move(here, Operation.WRITE, target, here.address(), there.address() + 3, size))
              .isEqualTo(TransferState.COMPLETED);
          assertThat(there.bytes(3, size)).isEqualTo(sent);
          assertThat(
                  move(
                      here,
                      Operation.READ,
                      target,
                      here.address() + SLOT + 1,
                      there.address() + 3,
                      size))
              .isEqualTo(TransferState.COMPLETED);
          assertThat(here.bytes(SLOT + 1, size)).isEqualTo(sent);
        }
      }
    }
  }

  /** By the thread that ends them. */
  private static final class Enders implements EngineListener {
    final Set<Thread> threads = ConcurrentHashMap.newKeySet();

    @Override
    public void transferEnded(TransferReport report) {
      threads.add(Thread.currentThread());
    }
  }

  private static void untilSelfMade(TestEngine here, TestEngine there) throws Exception {
    Enders enders = new Enders();
    try (EngineListening _ = here.engine.listen(enders)) {
      while (!enders.threads.contains(Thread.currentThread())) {
        assertThat(
                move(
                    here,
                    Operation.READ,
                    there.engine.segmentName(),
                    here.address(),
                    there.address(),
                    4096))
            .isEqualTo(TransferState.COMPLETED);
      }
    }
  }

  @Test
  void theThreadThatWaitsMovesThem() throws Exception {
    try (TestEngine here = new TestEngine(SLOT, Variant.EPOLL::in);
        TestEngine there = new TestEngine(SLOT, Variant.EPOLL::in)) {
      untilSelfMade(here, there);
    }
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void itMovesAllOfABatch(Operation operation) throws Exception {
    try (TestEngine here = new TestEngine(SLOT, Variant.EPOLL::in);
        TestEngine there = new TestEngine(SLOT, Variant.EPOLL::in)) {
      untilSelfMade(here, there);
      Thread mine = Thread.currentThread();
      AtomicInteger moved = new AtomicInteger();
      EngineListener listener =
          new EngineListener() {
            @Override
            public void transferEnded(TransferReport report) {
              if (report.lanes() == 1 && Thread.currentThread() == mine) {
                moved.incrementAndGet();
              }
            }
          };
      Mirrored blocks = new Mirrored(here.address(), there.address(), 512 << 10, 4096);
      try (EngineListening _ = here.engine.listen(listener)) {
        while (moved.get() == 0) {
          move(here, there, operation, blocks);
        }
      }
    }
  }

  /** Each in memory of its own, which nobody touches when a call has returned. */
  @Test
  void manyThreadsWithDeadlinesAndInterruptsAtOnce() throws Exception {
    int threads = 5;
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("SubmitAndAwaitTest: replay with -Dseed=" + seed);
    Queue<Throwable> wrong = new ConcurrentLinkedQueue<>();
    AtomicBoolean over = new AtomicBoolean();
    try (TestEngine here = new TestEngine((long) threads * SLOT, Variant.EPOLL::in);
        TestEngine there = new TestEngine((long) threads * SLOT, Variant.EPOLL::in)) {
      untilSelfMade(here, there);
      List<Thread> all = new ArrayList<>();
      for (int i = 0; i < threads; i++) {
        int slot = i;
        all.add(
            Thread.ofPlatform()
                .start(
                    () -> {
                      Random random = new Random(seed + slot);
                      for (int round = 0; round < 1500 && wrong.isEmpty(); round++) {
                        try {
                          round(here, there, (long) slot * SLOT, random);
                        } catch (Throwable t) {
                          wrong.add(t);
                        }
                      }
                    }));
      }
      Thread interrupter =
          Thread.ofPlatform()
              .start(
                  () -> {
                    Random random = new Random(seed);
                    while (!over.get()) {
                      all.get(random.nextInt(threads)).interrupt();
                      LockSupport.parkNanos(random.nextInt(2_000_000) + 1);
                    }
                  });
      for (Thread each : all) {
        each.join();
      }
      over.set(true);
      interrupter.join();
      assertThat(wrong).isEmpty();
    }
  }

  private static void round(TestEngine here, TestEngine there, long at, Random random) {
    int size = 1 + random.nextInt(random.nextInt(8) == 0 ? SLOT / 2 : 20_000);
    Operation operation = random.nextBoolean() ? Operation.READ : Operation.WRITE;
    TestEngine source = operation == Operation.READ ? there : here;
    TestEngine destination = operation == Operation.READ ? here : there;
    byte[] sent = new byte[size];
    random.nextBytes(sent);
    source.put(at, sent);
    int block = Math.ceilDiv(size, random.nextBoolean() ? 1 : 1 + random.nextInt(64));
    Mirrored blocks = new Mirrored(here.address() + at, there.address() + at, size, block);
    TransferRequest request =
        TransferRequest.of(operation, there.engine.segmentName(), blocks.blocks());
    if (random.nextInt(4) == 0) {
      request = request.withTimeout(Duration.ofNanos(1 + random.nextInt(3_000_000)));
    }
    TransferState state = TransferState.CANCELED;
    try {
      state = here.engine.submitAndAwait(request).state();
    } catch (InterruptedException e) {
      // Then it has ended, too.
    }
    if (state == TransferState.COMPLETED) {
      assertThat(Arrays.mismatch(destination.bytes(at, size), blocks.moved(operation, sent)))
          .isEqualTo(-1);
    } else {
      assertThat(state).isIn(TransferState.TIMEOUT, TransferState.CANCELED);
    }
    if (operation == Operation.READ) {
      // Late bytes would be found here, or by the next round that completes.
      byte[] marked = new byte[size];
      here.put(at, marked);
      assertThat(Arrays.mismatch(here.bytes(at, size), marked)).isEqualTo(-1);
    } else if (state != TransferState.COMPLETED) {
      // It may arrive yet; but not behind a newer one to the same place.
      Transfer newer = here.engine.submit(request.withTimeout(Duration.ofSeconds(60)));
      while (!newer.state().isTerminal()) {
        try {
          var _ = newer.await(Duration.ofSeconds(60));
        } catch (InterruptedException e) {
          // It goes on.
        }
      }
      assertThat(newer.state()).isEqualTo(TransferState.COMPLETED);
    }
  }

  @Test
  void aPeerThatStandsStillKeepsNobodyElseWaiting() throws Exception {
    try (PeerProcess still = PeerProcess.initialized(Map.of("TE_LOCAL", "off"));
        TestEngine here = new TestEngine(2L * SLOT, Variant.EPOLL::in);
        TestEngine there = new TestEngine(SLOT, Variant.EPOLL::in)) {
      long remote = still.allocate(SLOT);
      untilSelfMade(here, there);
      for (int i = 0; i < 200; i++) {
        assertThat(move(here, Operation.WRITE, still.name(), here.address(), remote, 4096))
            .isEqualTo(TransferState.COMPLETED);
      }
      still.stop();
      try {
        for (Operation operation : Operation.values()) {
          Transfer ended =
              here.engine.submitAndAwait(
                  TransferRequest.of(
                          operation, still.name(), BlockColumns.of(here.address(), remote, 4096))
                      .withTimeout(Duration.ofMillis(300)));
          assertThat(ended.state()).isEqualTo(TransferState.TIMEOUT);
          assertThat(
                  move(
                      here,
                      operation,
                      there.engine.segmentName(),
                      here.address() + SLOT,
                      there.address(),
                      4096))
              .isEqualTo(TransferState.COMPLETED);
        }
      } finally {
        still.resume();
      }
      here.put(0, TestEngine.random(1, 4096));
      assertThat(move(here, Operation.WRITE, still.name(), here.address(), remote, 4096))
          .isEqualTo(TransferState.COMPLETED);
      assertThat(move(here, Operation.READ, still.name(), here.address() + SLOT, remote, 4096))
          .isEqualTo(TransferState.COMPLETED);
      assertThat(here.bytes(SLOT, 4096)).isEqualTo(TestEngine.random(1, 4096));
    }
  }

  @Test
  void aPeerThatIsKilledFailsItsOwnOnly() throws Exception {
    try (TestEngine here = new TestEngine(SLOT, Variant.EPOLL::in);
        TestEngine there = new TestEngine(SLOT, Variant.EPOLL::in)) {
      untilSelfMade(here, there);
      for (int round = 0; round < 3; round++) {
        try (PeerProcess victim = PeerProcess.initialized(Map.of("TE_LOCAL", "off"))) {
          long remote = victim.allocate(SLOT);
          for (int i = 0; i < 100; i++) {
            assertThat(move(here, Operation.READ, victim.name(), here.address(), remote, 4096))
                .isEqualTo(TransferState.COMPLETED);
          }
          victim.kill();
          assertThat(move(here, Operation.READ, victim.name(), here.address(), remote, 4096))
              .isEqualTo(TransferState.FAILED);
        }
        untilSelfMade(here, there);
      }
    }
  }

  @Test
  void callersWhoWaitGetAnEndWhenTheirEngineIsClosed() throws Exception {
    for (int round = 0; round < 20; round++) {
      Queue<Throwable> wrong = new ConcurrentLinkedQueue<>();
      AtomicInteger moved = new AtomicInteger();
      try (TestEngine there = new TestEngine(SLOT, Variant.EPOLL::in)) {
        TestEngine here = new TestEngine(SLOT, Variant.EPOLL::in);
        CountDownLatch ended = new CountDownLatch(3);
        for (int i = 0; i < 3; i++) {
          int at = i * 4096;
          Thread _ =
              Thread.ofPlatform()
                  .start(
                      () -> {
                        try {
                          while (move(
                                  here,
                                  Operation.READ,
                                  there.engine.segmentName(),
                                  here.address() + at,
                                  there.address() + at,
                                  4096)
                              == TransferState.COMPLETED) {
                            moved.incrementAndGet();
                          }
                        } catch (TransferException e) {
                          if (e.code() != ErrorCode.CLOSED) {
                            wrong.add(e);
                          }
                        } catch (Throwable t) {
                          wrong.add(t);
                        }
                        ended.countDown();
                      });
        }
        int least = 50 * (round + 1);
        TestEngine.eventually("some were moved", () -> moved.get() > least);
        here.engine.close();
        ended.await();
        here.arena.close();
      }
      assertThat(wrong).isEmpty();
    }
  }

  @Test
  void anInterruptedCallCancelsItsTransfer() throws Exception {
    try (PeerProcess still = PeerProcess.initialized(Map.of("TE_LOCAL", "off"));
        TestEngine here = new TestEngine(SLOT, Variant.EPOLL::in)) {
      long remote = still.allocate(SLOT);
      for (int i = 0; i < 100; i++) {
        assertThat(move(here, Operation.READ, still.name(), here.address(), remote, 4096))
            .isEqualTo(TransferState.COMPLETED);
      }
      still.stop();
      try {
        Thread mine = Thread.currentThread();
        Thread other =
            Thread.ofPlatform()
                .start(
                    () -> {
                      TestEngine.eventually(
                          "under way",
                          () -> here.engine.metrics().get(Counter.TRANSFERS_SUBMITTED) == 101);
                      mine.interrupt();
                    });
        assertThatThrownBy(
                () -> move(here, Operation.READ, still.name(), here.address(), remote, 4096))
            .isInstanceOf(InterruptedException.class);
        other.join();
      } finally {
        still.resume();
      }
      here.assertNothingInFlight();
    }
  }
}
