// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.transport.RequestSink;
import io.transferengine.transport.TransferTask;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.ref.WeakReference;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Every transfer ends, whatever its surroundings do at the moment of its end. */
@Timeout(60)
class TransferEndTest {
  private static final String PEER = "127.0.0.1:1";
  private final TransferException lost =
      new TransferException(ErrorCode.SOCKET, "no connection", "");

  private final Mapped mine = Mapped.of(4096);
  private final Executor threads = Executors.newVirtualThreadPerTaskExecutor();
  private final LocalMemory memory = new LocalMemory(1 << 20, new IdleUsers());
  private final HeldTransport transport = new HeldTransport();
  private final Region region = memory.register(mine.address(), mine.length(), "*");

  @AfterEach
  void nothingIsLeft() {
    assertThat(region.inFlight()).isZero();
    memory.close(Duration.ofSeconds(5));
    mine.close();
  }

  private ActiveTransfers active(Optional<Executor> executor, HeldTransport used) {
    return TestTransfers.of(
        memory, segments(used), new EngineMetrics(), executor, threads, (name, notification) -> {});
  }

  private SegmentCache segments(HeldTransport used) {
    SegmentCache segments = new SegmentCache((name, timeout) -> used.segment(name), threads, false);
    var _ = segments.refresh(PEER, Duration.ofSeconds(1));
    return segments;
  }

  private TransferRequest write() {
    return TransferRequest.of(
        Operation.WRITE, PEER, BlockColumns.of(mine.address(), 4096, mine.length()));
  }

  private TransferTask nextTask() throws InterruptedException {
    TransferTask task = transport.tasks.poll(30, TimeUnit.SECONDS);
    assertThat(task).isNotNull();
    return task;
  }

  /** A time may lie further back than a long has nanoseconds. */
  @Test
  void whoHasNoTimeToWaitDoesNot() throws Exception {
    ActiveTransfers active = active(Optional.empty(), transport);
    TransferHandle transfer = active.submit(write());
    TransferTask task = nextTask();
    for (Duration none :
        List.of(Duration.ofSeconds(Long.MIN_VALUE), Duration.ofNanos(-1), Duration.ZERO)) {
      assertThat(transfer.await(none).isTerminal()).as("%s", none).isFalse();
    }
    task.end(TransferState.CANCELED, lost, FailureCause.CANCELED);
    assertThat(transfer.await(Duration.ofSeconds(30))).isEqualTo(TransferState.CANCELED);
  }

  @Test
  void whoWasInterruptedBeforeDoesNotWait() throws Exception {
    ActiveTransfers active = active(Optional.empty(), transport);
    TransferHandle transfer = active.submit(write());
    TransferTask task = nextTask();
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> transfer.await(Duration.ofSeconds(30)))
        .isInstanceOf(InterruptedException.class);
    task.end(TransferState.CANCELED, lost, FailureCause.CANCELED);
    assertThat(transfer.await(Duration.ofSeconds(30))).isEqualTo(TransferState.CANCELED);
  }

  @Test
  void whoWaitsForASmallTransferLooksBeforeItSleeps() throws Exception {
    AtomicInteger looks = new AtomicInteger();
    AtomicReference<TransferTask> task = new AtomicReference<>();
    long begun = System.nanoTime();
    FirstLook look =
        new FirstLook(
            10_000,
            2,
            () -> {
              if (looks.incrementAndGet() == 4) {
                Objects.requireNonNull(task.get())
                    .end(TransferState.CANCELED, lost, FailureCause.CANCELED);
              }
              return begun + looks.get();
            });
    ActiveTransfers active =
        TestTransfers.of(
            memory,
            segments(transport),
            new EngineMetrics(),
            Optional.empty(),
            threads,
            (name, notification) -> {},
            look);
    TransferHandle transfer = active.submit(write());
    task.set(nextTask());
    assertThat(looks).as("it does not look as it submits").hasValue(1);
    assertThat(transfer.await(Duration.ofSeconds(30))).isEqualTo(TransferState.CANCELED);
    assertThat(looks).hasValue(4);
    assertThat(active.firstLook(1 << 20)).isSameAs(look);
    assertThat(active.firstLook((1 << 20) + 1)).isSameAs(FirstLook.NONE);
  }

  @Test
  void whatIsThrownAtTheEndOfOneTransferLeavesNoOtherUnended() throws Exception {
    ActiveTransfers active = active(Optional.empty(), transport);
    AtomicInteger told = new AtomicInteger();
    List<TransferTask> tasks = new ArrayList<>();
    for (int k = 0; k < 3; k++) {
      active
          .submit(write())
          .onOutcome(
              () -> {
                told.incrementAndGet();
                throw new OutOfMemoryError("test");
              });
      tasks.add(nextTask());
    }
    assertThatThrownBy(active::close).isInstanceOf(OutOfMemoryError.class);
    assertThat(told).hasValue(3);
    tasks.forEach(task -> task.end(TransferState.FAILED, lost, FailureCause.SHUTDOWN));
  }

  /** The window is between the end of the first task and the second lookup of the peer. */
  @Test
  void aCancelIsNotLostWhileThePeerIsLookedUpAgain() throws Exception {
    ActiveTransfers active = active(Optional.empty(), transport);
    CyclicBarrier together = new CyclicBarrier(2);
    for (int round = 0; round < 3000; round++) {
      TransferHandle transfer = active.submit(write());
      TransferTask task = nextTask();
      Thread connecting =
          Thread.ofPlatform()
              .start(
                  () -> {
                    await(together);
                    task.end(TransferState.FAILED, lost, FailureCause.CONNECT);
                  });
      await(together);
      // A moment that differs from round to round, within the window and around it.
      for (int spin = 0; spin < round % 50 * 20; spin++) {
        Thread.onSpinWait();
      }
      boolean canceled = transfer.cancel();
      connecting.join();
      if (canceled) {
        assertThat(transfer.await(Duration.ofSeconds(10)).isTerminal())
            .as("round %d: %s", round, transfer.state())
            .isTrue();
      }
      assertThat(transfer.state()).isIn(TransferState.CANCELED, TransferState.FAILED);
      TransferHandle next = active.submit(write());
      while (!next.state().isTerminal()) {
        // The first transfer's second task may come to the transport now, although it has ended.
        nextTask().end(TransferState.FAILED, lost, FailureCause.OTHER);
      }
    }
  }

  /**
   * Its end frees the memory: whatever finds the peer at that moment must move nothing any more.
   */
  @Test
  void whatIsCanceledWhileItsPeerIsFoundMovesNothing() throws Exception {
    CyclicBarrier together = new CyclicBarrier(2);
    for (int round = 0; round < 3000; round++) {
      CountDownLatch begun = new CountDownLatch(1);
      SegmentCache segments =
          new SegmentCache(
              (name, timeout) -> {
                await(together);
                return transport.segment(name);
              },
              command ->
                  threads.execute(
                      () -> {
                        command.run();
                        begun.countDown();
                      }),
              false);
      TransferHandle transfer = active(segments).submit(write());
      await(together);
      for (int spin = 0; spin < round % 50 * 20; spin++) {
        Thread.onSpinWait();
      }
      boolean _ = transfer.cancel();
      awaitUninterruptibly(begun);
      assertThat(transfer.state()).isEqualTo(TransferState.CANCELED);
      TransferTask task = transport.tasks.poll();
      if (task != null) {
        assertThat(task.claim(new Claims(), 1, Long.MAX_VALUE, Long.MAX_VALUE))
            .as("round %d", round)
            .isZero();
      }
    }
  }

  private static void await(CyclicBarrier barrier) {
    try {
      barrier.await(30, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aFutureCompletesWhateverTheExecutorDoes() throws Exception {
    List<Executor> executors =
        List.of(
            command -> {
              throw new IllegalStateException("not now");
            },
            command -> {
              throw new OutOfMemoryError("no thread");
            },
            command -> {
              throw new RejectedExecutionException();
            });
    for (Executor executor : executors) {
      TransferHandle transfer = active(Optional.of(executor), transport).submit(write());
      var future = transfer.toCompletableFuture();
      nextTask().end(TransferState.CANCELED, lost, FailureCause.CANCELED);
      assertThat(transfer.state()).isEqualTo(TransferState.CANCELED);
      assertThatThrownBy(() -> future.get(30, TimeUnit.SECONDS)).hasCause(lost);
    }
  }

  @Test
  void anExecutorThatRunsCommandsItselfDoesNotRunThemOnAnIoThread() throws Exception {
    AtomicReference<Thread> completing = new AtomicReference<>();
    TransferHandle transfer = active(Optional.of(Runnable::run), transport).submit(write());
    var seen =
        transfer
            .toCompletableFuture()
            .whenComplete((_, _) -> completing.set(Thread.currentThread()));
    nextTask().end(TransferState.CANCELED, lost, FailureCause.CANCELED);
    assertThatThrownBy(() -> seen.get(30, TimeUnit.SECONDS)).hasCause(lost);
    assertThat(completing.get()).isNotSameAs(Thread.currentThread());
  }

  @Test
  void whatATransportThrowsEndsTheTransfer() throws Exception {
    HeldTransport throwing =
        new HeldTransport() {
          @Override
          public void submit(PeerAddress peer, TransferTask task) {
            throw new OutOfMemoryError("no room for a task");
          }
        };
    TransferHandle transfer = active(Optional.empty(), throwing).submit(write());
    assertThat(transfer.await(Duration.ofSeconds(10))).isEqualTo(TransferState.FAILED);
    TransferException why = transfer.failure().orElseThrow();
    assertThat(why.code()).isEqualTo(ErrorCode.MEMORY);
    assertThat(why).hasMessageContainingAll("no room for a task", "-Xmx");
  }

  /** A second try needs memory, too. */
  @Test
  void aTransferThatCannotBeRepeatedEndsAsItDid() throws Exception {
    AtomicReference<TransferState> ended = new AtomicReference<>();
    TransferHandle.Owner owner =
        new TransferHandle.Owner() {
          @Override
          public void resolve(TransferHandle handle) {
            throw new AssertionError("It is not repeated");
          }

          @Override
          public void dropSegment(RemoteSegment failed, boolean outdated) {
            throw new OutOfMemoryError("no room for a suspect");
          }

          @Override
          public void repeatsForStaleDescriptor() {}

          @Override
          public void ended(
              TransferHandle handle, TransferState state, @Nullable FailureCause cause) {
            ended.set(state);
          }

          @Override
          public void completeLater(TransferHandle handle, CompletableFuture<Void> future) {}

          @Override
          public void settledLate(TransferHandle handle) {}
        };
    assertThat(region.acquire(mine.address(), mine.length())).isTrue();
    TransferHandle handle =
        new TransferHandle(owner, write(), region, Long.MAX_VALUE / 2, null, null);
    handle.begin(transport.segment(PEER), true);
    try (LogCapture log = new LogCapture()) {
      nextTask().end(TransferState.FAILED, lost, FailureCause.STALE_DESCRIPTOR);
      assertThat(log.warnings()).singleElement().asString().contains("could not be repeated");
    }
    assertThat(handle.state()).isEqualTo(TransferState.FAILED);
    assertThat(handle.failure()).contains(lost);
    assertThat(ended).hasValue(TransferState.FAILED);
  }

  @Test
  void anEndThatCannotBeCountedIsAnEnd() throws Exception {
    SegmentCache segments =
        new SegmentCache((name, timeout) -> transport.segment(name), threads, false);
    ActiveTransfers active =
        TestTransfers.of(
            memory,
            segments,
            new EngineMetrics(),
            Optional.empty(),
            threads,
            (name, notification) -> {
              throw new OutOfMemoryError("no thread for a notification");
            });
    try (LogCapture log = new LogCapture()) {
      TransferHandle transfer =
          active.submit(
              TransferRequest.of(Operation.WRITE, PEER, BlockColumns.of(mine.address(), 1, 0))
                  .withNotification("a", "b"));
      assertThat(transfer.await(Duration.ofSeconds(10))).isEqualTo(TransferState.COMPLETED);
      assertThat(log.warnings()).singleElement().asString().contains("not accounted for");
    }
  }

  @Test
  void aResultKeepsNothingOfItsBatch() throws Exception {
    ActiveTransfers active = active(Optional.empty(), transport);
    BatchTable table = new BatchTable();
    WeakReference<TransferRequest> request = new WeakReference<>(null);
    long id = 0;
    for (int i = 0; i < 3; i++) {
      TransferRequest made = large();
      request = new WeakReference<>(made);
      id = table.add(active.submit(made));
      assertThat(table.find(id).orElseThrow().state().isTerminal()).isFalse();
      nextTask().end(TransferState.FAILED, lost, FailureCause.OTHER);
    }
    WeakReference<TransferRequest> last = request;
    Awaitility.await()
        .until(
            () -> {
              System.gc();
              return last.get() == null;
            });
    assertThat(table.find(id).orElseThrow().failure()).contains("no connection");
    assertThat(table.forget(id)).isTrue();
    assertThat(table.find(id)).isEmpty();
  }

  /** A repetition has the time without progress for itself, whatever went before it. */
  @Test
  void theTimeWithoutProgressBeginsAnewWithTheSecondLookUp() throws Exception {
    CountDownLatch answered = new CountDownLatch(1);
    AtomicInteger lookUps = new AtomicInteger();
    SegmentCache segments =
        new SegmentCache(
            (name, timeout) -> {
              if (lookUps.incrementAndGet() > 1) {
                awaitUninterruptibly(answered);
              }
              return transport.segment(name);
            },
            threads,
            false);
    var _ = segments.refresh(PEER, Duration.ofSeconds(10));
    TransferHandle handle = active(segments).submit(write());
    TransferTask task = nextTask();
    long before = System.nanoTime();
    task.end(TransferState.FAILED, lost, FailureCause.CONNECT);
    Awaitility.await().until(() -> lookUps.get() == 2);
    assertThat(handle.progressNanos() - before).isNotNegative();
    answered.countDown();
    nextTask().end(TransferState.CANCELED, lost, FailureCause.CANCELED);
    assertThat(handle.await(Duration.ofSeconds(10))).isEqualTo(TransferState.CANCELED);
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      assertThat(latch.await(30, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private ActiveTransfers active(SegmentCache segments) {
    return TestTransfers.of(memory, segments, threads);
  }

  /** Claims all there is, and counts. */
  private static final class Claims implements RequestSink<TransferTask> {
    int requests;
    long bytes;

    @Override
    public long lengthLimit(TransferTask task, long localAddress, long remoteAddress, long wanted) {
      return Long.MAX_VALUE;
    }

    @Override
    public void request(
        TransferTask task, int block, long local, long remote, long length, boolean unmerged) {
      requests++;
      bytes += length;
    }
  }

  /** Who takes memory back must not be told that it is free because its transfer was given up. */
  @Test
  void memoryOfATransferThatIsGivenUpWhileItIsWaitedForIsNotFree() throws Exception {
    ActiveTransfers active = active(Optional.empty(), transport);
    TransferHandle handle = active.submit(write());
    TransferTask task = nextTask();
    Claims out = new Claims();
    assertThat(task.claim(out, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(1);
    CompletableFuture<Boolean> free = new CompletableFuture<>();
    Thread draining =
        Thread.ofPlatform()
            .start(
                () -> {
                  try {
                    free.complete(
                        active.drain(
                            mine.address(),
                            mine.address() + mine.length(),
                            Duration.ZERO,
                            Duration.ofSeconds(30)));
                  } catch (Throwable t) {
                    free.completeExceptionally(t);
                  }
                });
    // It has cut the transfer off and looked; now it waits for the request that is out.
    Awaitility.await().until(() -> draining.getState() == Thread.State.TIMED_WAITING);
    active.lastResort().abandon(handle);
    assertThat(LastResort.takeCount()).isEqualTo(1);
    assertThat(handle.await(Duration.ofSeconds(10))).isEqualTo(TransferState.FAILED);
    assertThat(free.get(30, TimeUnit.SECONDS)).isFalse();
    task.completed(out.requests, out.bytes);
    assertThat(active.drain(mine.address(), mine.address() + 1, Duration.ZERO, Duration.ZERO))
        .isTrue();
  }

  /**
   * Threads that wait for memory have done nothing wrong: they get their time once there is some.
   */
  @Test
  void aTransferThatEndsSlowlyInAFullHeapIsNotEndedByForce() throws Exception {
    TransferHandle handle = active(Optional.empty(), transport).submit(write());
    TransferTask task = nextTask();
    Claims out = new Claims();
    assertThat(task.claim(out, 1, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(1);
    assertThat(handle.cancel()).isTrue();
    AtomicBoolean full = new AtomicBoolean(true);
    LastResort resort =
        new LastResort(
            new EngineMetrics(),
            () -> {
              if (full.get()) {
                throw new OutOfMemoryError("a test's");
              }
            });
    long late = System.nanoTime() + 2 * LastResort.LIMIT_NANOS;
    resort.look(handle, late);
    full.set(false);
    resort.look(handle, late + LastResort.LIMIT_NANOS / 2);
    assertThat(LastResort.takeCount()).isZero();
    resort.look(handle, late + 2 * LastResort.LIMIT_NANOS);
    assertThat(LastResort.takeCount()).isEqualTo(1);
    task.completed(out.requests, out.bytes);
  }

  /** That it publishes the ranges is not in doubt because it takes them one by one. */
  @Test
  void blocksOfAPeerThatRefusedMergedOnesStayInsideItsBuffers() throws Exception {
    RemoteSegment peer =
        RemoteSegment.of(
            PEER,
            new PeerAddress(
                SegmentDescriptor.builder(PEER, SegmentDescriptor.TCP)
                    .buffers(List.of(new BufferDescriptor("peer", 4096, 8192)))
                    .build(),
                List.of(InetAddress.getLoopbackAddress())),
            List.of(transport));
    SegmentCache segments = new SegmentCache((name, timeout) -> peer, threads, false);
    BlockColumns adjacent =
        BlockColumns.of(
            new long[] {mine.address(), mine.address() + 100},
            new long[] {4096, 4196},
            new long[] {100, 100});
    for (boolean refused : new boolean[] {false, true}) {
      peer.takesBlocksOnly().set(refused);
      TransferHandle handle =
          active(segments).submit(TransferRequest.of(Operation.WRITE, PEER, adjacent));
      TransferTask task = nextTask();
      assertThat(task.blockOutsideBuffers()).isEqualTo(-1);
      Claims out = new Claims();
      assertThat(task.claim(out, 10, Long.MAX_VALUE, Long.MAX_VALUE)).isEqualTo(refused ? 2 : 1);
      task.completed(out.requests, out.bytes);
      assertThat(handle.await(Duration.ofSeconds(10))).isEqualTo(TransferState.COMPLETED);
    }
  }

  private TransferRequest large() {
    long[] column = new long[10_000];
    Arrays.fill(column, mine.address());
    long[] lengths = new long[10_000];
    Arrays.fill(lengths, 1);
    return TransferRequest.of(Operation.WRITE, PEER, BlockColumns.of(column, column, lengths));
  }
}
