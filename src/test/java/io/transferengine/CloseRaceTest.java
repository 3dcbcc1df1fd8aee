// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Settings;
import io.transferengine.engine.MetadataStores;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.testkit.EngineThreads;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Engines are closed at random moments of everything else that they may be doing, by one thread or
 * several. Nothing is thrown, nothing is left, nothing hangs.
 */
@Timeout(240)
class CloseRaceTest {
  private static final int ROUNDS = 1000;

  /** With a metadata service, which takes some exchanges for each engine. */
  private static final int ROUNDS_WITH_SERVICE = 200;

  /** Both ends of the connections on which the peer, which lives on, renews its two records. */
  private static final int DESCRIPTORS_OF_PEER = 4;

  /** Until the JDK has opened what it opens once, such as the pollers of virtual threads. */
  private static final int WARM_UP = 20;

  private static final String P2P = "P2PHANDSHAKE";
  private static final int WORKERS = 4;
  private static final int BYTES = 1 << 20;
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  private final Mapped peerMemory = Mapped.of(BYTES);
  private final AtomicInteger names = new AtomicInteger();
  private String metadataServer = P2P;
  private Engine peer = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());

  private final Queue<Throwable> thrown = new ConcurrentLinkedQueue<>();
  private final AtomicLong longestNanos = new AtomicLong();

  @BeforeEach
  void open() {
    var _ = peer.register(peerMemory.segment());
  }

  @AfterEach
  void close() {
    peer.close();
    peerMemory.close();
  }

  /** One engine, its typed face and its facade, and what the workers may use of it. */
  private final class Subject {
    final TransferEngine facade = new TransferEngine();
    final AtomicReference<@Nullable Engine> engine = new AtomicReference<>();

    void open() {
      assertThat(initialize(facade)).isZero();
      engine.set(engineOf(facade));
    }
  }

  private int initialize(TransferEngine facade) {
    String host = metadataServer.equals(P2P) ? "127.0.0.1" : "node-" + names.incrementAndGet();
    return facade.initialize(host, metadataServer, "tcp", "");
  }

  private static @Nullable Engine engineOf(TransferEngine facade) {
    try {
      Field slot = TransferEngine.class.getDeclaredField("slot");
      Field engine = EngineSlot.class.getDeclaredField("engine");
      slot.setAccessible(true);
      engine.setAccessible(true);
      return (Engine) engine.get(slot.get(facade));
    } catch (ReflectiveOperationException e) {
      throw new LinkageError(e.getMessage(), e);
    }
  }

  @Test
  void closesAtAnyMomentThrowNothingAndLeaveNothing() throws Exception {
    closeAtAnyMoment(ROUNDS, 0);
  }

  @Test
  void withAMetadataServiceTooAndNoRecordIsLeft() throws Exception {
    peer.close();
    try (OwnHttpService service = OwnHttpService.plain()) {
      metadataServer = service.connectionString();
      peer = Engine.open(EngineConfigs.named("peer", metadataServer).build());
      open();
      closeAtAnyMoment(ROUNDS_WITH_SERVICE, DESCRIPTORS_OF_PEER);
      try (MetadataStore store =
          MetadataStores.open(metadataServer, Settings.fromMap(Map.of())).orElseThrow()) {
        // What an engine could not take back in time ends by itself.
        TestEngine.eventually(
            "the peer's records alone",
            () ->
                store.keys("mooncake/", 10_000, Duration.ofSeconds(10)).stream()
                    .allMatch(key -> key.endsWith("/peer")));
      }
    }
  }

  private void closeAtAnyMoment(int rounds, int ofPeer) throws InterruptedException {
    try (LogCapture log = new LogCapture()) {
      for (int round = -WARM_UP; round < 0; round++) {
        round(round);
      }
      long descriptors = descriptors() + ofPeer;
      List<String> threads = EngineThreads.settled();
      for (int round = 0; round < rounds; round++) {
        round(round);
        assertThat(thrown).as("-Dseed=%d, round %d", SEED, round).isEmpty();
        if (round % 50 == 0) {
          assertThat(log.take()).as("-Dseed=%d", SEED).noneMatch(text -> text.contains("failed; "));
        }
      }
      System.out.printf(
          "%d closes, the longest %d ms, -Dseed=%d%n",
          rounds, longestNanos.get() / 1_000_000, SEED);
      TestEngine.eventually(
          "descriptors back at " + descriptors, () -> descriptors() <= descriptors);
      TestEngine.eventually(
          "threads back at " + threads, () -> threads.containsAll(EngineThreads.names()));
      assertThat(peer.core().memory().regions().inOrder())
          .singleElement()
          .satisfies(region -> TestEngine.eventually("idle", () -> region.inFlight() == 0));
    }
  }

  private void round(int round) throws InterruptedException {
    Random random = new Random(SEED + round);
    Subject subject = new Subject();
    boolean early = random.nextInt(20) == 0;
    if (!early) {
      subject.open();
    }
    List<Thread> workers = new ArrayList<>();
    for (int i = 0; i < WORKERS; i++) {
      long seed = random.nextLong();
      boolean closes = i == 0 || random.nextInt(4) == 0;
      boolean opens = early && i == 1;
      long delayNanos = random.nextInt(random.nextBoolean() ? 3_000_000 : 20_000_000);
      Runnable work =
          () -> {
            try {
              if (opens) {
                int _ = initialize(subject.facade);
              }
              if (closes) {
                LockSupport.parkNanos(delayNanos);
                close(subject);
              } else {
                work(subject, new Random(seed));
              }
            } catch (Throwable t) {
              thrown.add(t);
            }
          };
      workers.add(
          random.nextBoolean()
              ? Thread.ofVirtual().start(work)
              : Thread.ofPlatform().name("worker").start(work));
    }
    if (random.nextInt(3) == 0) {
      workers.get(random.nextInt(WORKERS)).interrupt();
    }
    for (Thread worker : workers) {
      worker.join();
    }
    close(subject);
    Engine engine = subject.engine.get();
    if (engine != null) {
      assertNothingIsLeft(engine, round);
    }
  }

  private void close(Subject subject) {
    long start = System.nanoTime();
    subject.facade.close();
    Engine engine = subject.engine.get();
    if (engine != null) {
      engine.close();
    }
    longestNanos.accumulateAndGet(System.nanoTime() - start, Math::max);
  }

  private static void assertNothingIsLeft(Engine engine, int round) {
    assertThat(engine.core().memory().regions().inOrder())
        .as("-Dseed=%d, round %d", SEED, round)
        .isEmpty();
    MetricsSnapshot all = engine.metrics();
    assertThat(all.get(Counter.TRANSFERS_SUBMITTED))
        .as("-Dseed=%d, round %d: every transfer has ended", SEED, round)
        .isEqualTo(
            all.get(Counter.TRANSFERS_COMPLETED)
                + all.get(Counter.TRANSFERS_FAILED)
                + all.get(Counter.TRANSFERS_TIMED_OUT)
                + all.get(Counter.TRANSFERS_CANCELED));
  }

  /** Does this and that until the engine is closed. */
  private void work(Subject subject, Random random) {
    try (Mapped mine = Mapped.of(BYTES)) {
      for (int i = 0; i < 2000; i++) {
        Engine engine = subject.engine.get();
        if (engine == null || engine.core().isClosed()) {
          // Only when that has ended is the memory ours alone.
          close(subject);
          return;
        }
        if (random.nextBoolean()) {
          facade(subject.facade, mine, random);
        } else {
          typed(engine, mine, random);
        }
      }
      close(subject);
    }
  }

  private void facade(TransferEngine facade, Mapped mine, Random random) {
    String name = peer.segmentName();
    long there = peerMemory.address();
    int length = 1 + random.nextInt(random.nextBoolean() ? 100 : BYTES);
    switch (random.nextInt(9)) {
      case 0 -> {
        long block = facade.allocateManagedBuffer(length);
        if (block != 0) {
          long id = facade.transferSubmitWrite(name, block, there, length);
          if (random.nextBoolean()) {
            int _ = facade.getBatchTransferStatus(new long[] {id});
          }
          int _ = facade.freeManagedBuffer(block, length);
        }
      }
      case 1 -> {
        int status = facade.registerMemory(mine.address(), BYTES);
        int _ = facade.transferSyncRead(name, mine.address(), there, length);
        if (status == 0) {
          int _ = facade.unregisterMemory(mine.address());
        }
      }
      case 2 -> {
        long block = facade.allocateManagedBuffer(BYTES);
        int _ = facade.writeBytesToBuffer(block, new byte[length], length);
        byte[] _ = facade.readBytesFromBuffer(block, length);
      }
      case 3 -> {
        int _ = facade.sendNotify(name, "a", "b");
      }
      case 4 -> {
        int _ = facade.sendProbe(name);
      }
      case 5 -> {
        long _ = facade.getFirstBufferAddress(name);
      }
      case 6 -> {
        int _ = initialize(facade);
      }
      case 7 -> {
        long block = facade.allocateManagedBuffer(length);
        int _ = facade.transferSyncWrite(name, block, there, length);
      }
      default -> {
        int _ = facade.getNotifies().size() + facade.getRpcPort();
      }
    }
  }

  private void typed(Engine engine, Mapped mine, Random random) {
    String name = peer.segmentName();
    int length = 1 + random.nextInt(random.nextBoolean() ? 100 : BYTES);
    try {
      switch (random.nextInt(5)) {
        case 0 -> {
          try (Allocation block = engine.allocate(length)) {
            Transfer transfer =
                engine.submit(TransferRequest.read(name, block.segment(), peerMemory.address()));
            var future = transfer.toCompletableFuture();
            if (random.nextBoolean()) {
              boolean _ = transfer.cancel();
            } else {
              var _ = future.exceptionally(_ -> null).join();
            }
          }
        }
        case 1 -> {
          try (Registration registered = engine.register(mine.segment())) {
            // The peer writes to us, or reads, while we close.
            var _ =
                peer.submit(
                    TransferRequest.of(
                        random.nextBoolean() ? Operation.READ : Operation.WRITE,
                        engine.segmentName(),
                        BlockColumns.of(peerMemory.address(), registered.address(), length)));
          }
        }
        case 2 -> {
          int _ = engine.openSegment(name).buffers().size();
        }
        case 3 -> engine.warmUp(name);
        default -> engine.sendNotify(name, new TransferNotify("c", "d"));
      }
    } catch (TransferException e) {
      // The typed API may say that the engine was closed, or that memory is registered already.
    }
  }

  /** Sockets, event queues and the like; not the jars that classes are loaded from. */
  private static long descriptors() {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.filter(CloseRaceTest::isOfAnEngine).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static boolean isOfAnEngine(Path descriptor) {
    try {
      String what = Files.readSymbolicLink(descriptor).toString();
      return what.startsWith("socket:") || what.startsWith("anon_inode:");
    } catch (IOException closedMeanwhile) {
      return false;
    }
  }
}
