// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.MetricsSnapshot;
import io.transferengine.metrics.PeerSnapshot;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** How transfers of the typed API end, who is told, and what is counted. */
@Timeout(60)
class EngineOutcomeTest {
  /** As much as goes out as one request. */
  private static final int LENGTH = 512 << 10;

  private static final Duration LONG = Duration.ofSeconds(30);

  private static final PeerProcess peer = PeerProcess.start();
  private static final Engine engine =
      Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
  private static long remote;

  @BeforeAll
  static void open() {
    peer.initialize("127.0.0.1");
    remote = peer.allocate(LENGTH);
  }

  @AfterAll
  static void close() {
    engine.close();
    peer.close();
  }

  private static void assertRefused(ErrorCode code, ThrowingCallable call, String... parts) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(TransferException.class, e -> assertThat(e.code()).isEqualTo(code))
        .satisfies(e -> assertThat(List.of(parts)).allMatch(e.toString()::contains));
  }

  private static Transfer completed(TransferRequest request) throws InterruptedException {
    Transfer transfer = engine.submit(request);
    assertThat(transfer.await(LONG))
        .as("%s", transfer.failure())
        .isEqualTo(TransferState.COMPLETED);
    return transfer;
  }

  @Test
  void theNotificationComesAfterTheBytes() throws InterruptedException {
    try (Allocation mine = engine.allocate(LENGTH)) {
      peer.text("getNotifies");
      Pattern.fill(mine.segment(), 4, 0);
      completed(
          TransferRequest.write(peer.name(), mine.segment(), remote)
              .withNotification("done", "all of it"));
      long end = System.nanoTime() + LONG.toNanos();
      String heard = peer.text("getNotifies");
      while (heard.isEmpty()) {
        assertThat(System.nanoTime()).as("no notification came").isLessThan(end);
        Thread.sleep(5);
        heard = peer.text("getNotifies");
      }
      assertThat(heard).isEqualTo("done=all of it");
      assertThat(peer.mismatch(remote, LENGTH, 4)).isEqualTo(-1);

      Transfer refused =
          engine.submit(
              TransferRequest.write(peer.name(), mine.segment(), 1)
                  .withNotification("never", "sent"));
      assertThat(refused.await(LONG)).isEqualTo(TransferState.FAILED);
      completed(
          TransferRequest.write(peer.name(), mine.segment(), remote)
              .withNotification("second", "2"));
      while (heard.equals("done=all of it") || heard.isEmpty()) {
        assertThat(System.nanoTime()).as("no second notification came").isLessThan(end);
        heard = peer.text("getNotifies");
      }
      assertThat(heard).as("a failed transfer notifies nobody").isEqualTo("second=2");
    }
  }

  @Test
  void failuresSayWhy() throws InterruptedException {
    try (Allocation mine = engine.allocate(100)) {
      Transfer refused = engine.submit(TransferRequest.read(peer.name(), mine.segment(), 8));
      assertThat(refused.await(LONG)).isEqualTo(TransferState.FAILED);
      assertThat(refused.failure()).hasValueSatisfying(e -> assertThat(e.peer()).isPresent());
      assertThat(refused.failure().orElseThrow()).hasMessageContainingAll("0x8", peer.name());
      assertThat(refused.transferredBytes()).isZero();
      assertThatThrownBy(() -> refused.toCompletableFuture().join())
          .isInstanceOf(CompletionException.class)
          .hasCause(refused.failure().orElseThrow());
    }
  }

  @Test
  void futuresCompleteOnTheExecutor() throws Exception {
    Set<String> names = ConcurrentHashMap.newKeySet();
    try (var pool =
            Executors.newFixedThreadPool(
                2, Thread.ofPlatform().daemon().name("mine-", 0).factory());
        Engine own =
            Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").executor(pool).build());
        Allocation mine = own.allocate(4096)) {
      CountDownLatch gate = new CountDownLatch(1);
      peer.stop();
      try {
        for (int i = 0; i < 20; i++) {
          // Attached while the transfer waits: these run where the future is completed.
          var _ =
              own.submit(TransferRequest.write(peer.name(), mine.segment(), i < 10 ? remote : 1))
                  .toCompletableFuture()
                  .handle(
                      (_, failure) -> {
                        names.add(Thread.currentThread().getName());
                        if (names.size() > 1 || failure != null) {
                          gate.countDown();
                        }
                        return failure;
                      });
        }
      } finally {
        peer.resume();
      }
      assertThat(gate.await(30, TimeUnit.SECONDS)).isTrue();
    }
    assertThat(names).isNotEmpty().allSatisfy(name -> assertThat(name).startsWith("mine-"));
  }

  @Test
  void anExecutorThatHasEndedLeavesNoTransferWithoutAnEnd() throws Exception {
    var pool = Executors.newSingleThreadExecutor();
    try (Engine own =
            Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").executor(pool).build());
        Allocation mine = own.allocate(4096)) {
      peer.text("getNotifies");
      pool.shutdown();
      Transfer transfer =
          own.submit(
              TransferRequest.write(peer.name(), mine.segment(), remote)
                  .withNotification("all", "the same"));
      var future = transfer.toCompletableFuture();
      assertThat(transfer.await(Duration.ofSeconds(10))).isEqualTo(TransferState.COMPLETED);
      future.get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void withoutAnExecutorFuturesCompleteOnVirtualThreads() throws Exception {
    try (Allocation mine = engine.allocate(4096)) {
      peer.stop();
      Transfer transfer;
      java.util.concurrent.CompletableFuture<Boolean> virtual;
      try {
        transfer = engine.submit(TransferRequest.write(peer.name(), mine.segment(), remote));
        virtual = transfer.toCompletableFuture().thenApply(_ -> Thread.currentThread().isVirtual());
        assertThat(transfer.await(Duration.ofMillis(50)).isTerminal()).isFalse();
        assertThat(transfer.failure()).isEmpty();
        var cancelled = transfer.toCompletableFuture();
        cancelled.cancel(true);
        assertThat(transfer.state().isTerminal()).as("a future does not cancel it").isFalse();
      } finally {
        peer.resume();
      }
      assertThat(virtual.get(30, TimeUnit.SECONDS)).isTrue();
      assertThat(transfer.toCompletableFuture()).isCompleted();
    }
  }

  @Test
  void cancelledTransfersLeaveTheEngineUsable() throws Exception {
    try (Allocation mine = engine.allocate(LENGTH)) {
      completed(TransferRequest.write(peer.name(), mine.segment(), remote));
      peer.stop();
      Transfer transfer;
      try {
        transfer = engine.submit(TransferRequest.read(peer.name(), mine.segment(), remote));
        assertThat(transfer.await(Duration.ZERO).isTerminal()).isFalse();
        assertThat(transfer.cancel()).isTrue();
        assertThat(transfer.await(LONG)).isEqualTo(TransferState.CANCELED);
        assertThat(transfer.cancel()).isFalse();
        assertThat(transfer.transferredBytes()).isLessThan(LENGTH);
      } finally {
        peer.resume();
      }
      Pattern.fill(mine.segment(), 6, 0);
      completed(TransferRequest.write(peer.name(), mine.segment(), remote));
      assertThat(peer.mismatch(remote, LENGTH, 6)).isEqualTo(-1);
    }
  }

  @Test
  void aDeadlineOfItsOwnEndsATransfer() throws Exception {
    try (Allocation mine = engine.allocate(LENGTH)) {
      completed(TransferRequest.write(peer.name(), mine.segment(), remote));
      TransferRequest read = TransferRequest.read(peer.name(), mine.segment(), remote);
      peer.stop();
      try {
        long start = System.nanoTime();
        Transfer transfer = engine.submit(read.withTimeout(Duration.ofMillis(300)));
        assertThat(transfer.await(LONG)).isEqualTo(TransferState.TIMEOUT);
        assertThat(System.nanoTime() - start).isGreaterThanOrEqualTo(300_000_000);
        TransferException why = transfer.failure().orElseThrow();
        assertThat(why.code()).isEqualTo(ErrorCode.TIMEOUT);
        assertThat(why)
            .hasMessageContainingAll("bytes", "own timeout", "300 ms")
            .hasMessageNotContaining("MC_TRANSFER_TIMEOUT");
      } finally {
        peer.resume();
      }
      completed(read);
      assertRefused(ErrorCode.INVALID_ARGUMENT, () -> read.withTimeout(Duration.ZERO));
      assertRefused(ErrorCode.INVALID_ARGUMENT, () -> read.withTimeout(Duration.ofMillis(-1)));
    }
  }

  @Test
  void anEnginesDeadlineNamesTheOptionThatSetIt() throws Exception {
    try (Engine hasty =
            Engine.open(
                EngineConfig.builder("127.0.0.1")
                    .protocol("tcp")
                    .sliceTimeoutSeconds(1)
                    .transferTimeoutSeconds(5)
                    .build());
        Allocation mine = hasty.allocate(LENGTH)) {
      TransferRequest read = TransferRequest.read(peer.name(), mine.segment(), remote);
      assertThat(hasty.submit(read).await(LONG)).isEqualTo(TransferState.COMPLETED);
      peer.stop();
      try {
        Transfer stuck = hasty.submit(read);
        assertThat(stuck.await(LONG)).isEqualTo(TransferState.TIMEOUT);
        TransferException why = stuck.failure().orElseThrow();
        assertThat(why.code()).isEqualTo(ErrorCode.TIMEOUT);
        assertThat(why).hasMessageContaining("MC_SLICE_TIMEOUT");
      } finally {
        peer.resume();
      }
    }
  }

  @Test
  void everythingIsCounted() throws Exception {
    try (Engine own = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
        Allocation mine = own.allocate(LENGTH)) {
      String nobody = "127.0.0.1:1";
      TransferRequest write = TransferRequest.write(peer.name(), mine.segment(), remote);
      for (int i = 0; i < 3; i++) {
        own.submit(write).await(LONG);
      }
      MetricsSnapshot three = own.metrics();
      own.submit(TransferRequest.read(peer.name(), mine.segment(), remote)).await(LONG);
      own.submit(TransferRequest.read(peer.name(), mine.segment(), 1)).await(LONG);
      own.submit(TransferRequest.read(nobody, mine.segment(), remote)).await(LONG);
      long[] local = {mine.address(), mine.address() + 100, mine.address() + 5000};
      long[] target = {remote, remote + 100, remote};
      long[] length = {100, 50, 10};
      own.submit(
              TransferRequest.of(
                  Operation.WRITE, peer.name(), BlockColumns.of(local, target, length)))
          .await(LONG);
      peer.call("transferSyncWrite", own.segmentName(), remote, mine.address(), 777);
      peer.call("transferSyncRead", own.segmentName(), remote, mine.address(), 333);

      MetricsSnapshot all = own.metrics();
      assertThat(all.get(Counter.TRANSFERS_SUBMITTED)).isEqualTo(7);
      assertThat(all.get(Counter.TRANSFERS_COMPLETED)).isEqualTo(5);
      assertThat(all.get(Counter.TRANSFERS_FAILED)).isEqualTo(2);
      assertThat(all.get(Counter.BYTES_WRITTEN)).isEqualTo(3L * LENGTH + 160);
      assertThat(all.get(Counter.BYTES_READ)).isEqualTo(LENGTH);
      assertThat(all.get(Counter.BLOCKS_SUBMITTED)).isEqualTo(9);
      assertThat(all.get(Counter.REQUESTS_SENT))
          .as("two of the blocks are one, which shares a frame with the third")
          .isEqualTo(6);
      assertThat(all.get(Counter.INBOUND_BYTES_WRITTEN)).isEqualTo(777);
      assertThat(all.get(Counter.INBOUND_BYTES_READ)).isEqualTo(333);
      assertThat(all.get(Counter.INBOUND_REQUESTS)).isEqualTo(2);
      assertThat(all.get(Counter.REQUESTS_REJECTED_BY_PEER)).isEqualTo(1);
      assertThat(all.get(FailureCause.REMOTE_REFUSED)).isEqualTo(1);
      assertThat(all.failures().values().stream().mapToLong(Long::longValue).sum()).isEqualTo(2);
      assertThat(all.peers().get(peer.name()))
          .isEqualTo(
              PeerSnapshot.builder()
                  .bytesWritten(3L * LENGTH + 160)
                  .bytesRead(LENGTH)
                  .transfersCompleted(5)
                  .transfersFailed(1)
                  .build());
      assertThat(all.peers().get(nobody))
          .isEqualTo(PeerSnapshot.builder().transfersFailed(1).build());
      MetricsSnapshot since = all.minus(three);
      assertThat(since.get(Counter.BYTES_WRITTEN)).isEqualTo(160);
      assertThat(since.get(Counter.TRANSFERS_COMPLETED)).isEqualTo(2);
    }
  }

  @Test
  @SuppressWarnings("try") // it is closed in the middle of a transfer
  void failuresAreCountedByCause() throws Exception {
    try (Engine own = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build());
        Mapped memory = Mapped.of(4096)) {
      Registration mine = own.register(memory.segment());
      TransferRequest read = TransferRequest.read(peer.name(), memory.segment(), remote);
      own.submit(read).await(LONG);
      own.submit(TransferRequest.read("127.0.0.1:1", memory.segment(), 1)).await(LONG);
      own.submit(TransferRequest.read(peer.name(), memory.segment(), 1)).await(LONG);
      peer.stop();
      try {
        assertThat(own.submit(read.withTimeout(Duration.ofMillis(10))).await(LONG))
            .isEqualTo(TransferState.TIMEOUT);
        Transfer canceled = own.submit(read);
        assertThat(canceled.cancel()).isTrue();
        assertThat(canceled.await(LONG)).isEqualTo(TransferState.CANCELED);
        assertThat(canceled.failure().orElseThrow().code()).isEqualTo(ErrorCode.CANCELED);
        Transfer local = own.submit(read);
        mine.close();
        assertThat(local.state()).as("ended when close returns").isEqualTo(TransferState.FAILED);
        Registration again = own.register(memory.segment());
        Transfer last = own.submit(read);
        own.close();
        assertThat(last.state()).isEqualTo(TransferState.FAILED);
        assertThat(last.failure().orElseThrow().code()).isEqualTo(ErrorCode.CLOSED);
        again.close();
      } finally {
        peer.resume();
      }
      MetricsSnapshot all = own.metrics();
      for (FailureCause cause :
          List.of(
              FailureCause.METADATA,
              FailureCause.REMOTE_REFUSED,
              FailureCause.TIMEOUT,
              FailureCause.CANCELED,
              FailureCause.LOCAL,
              FailureCause.SHUTDOWN)) {
        assertThat(all.get(cause)).as("%s", cause).isEqualTo(1);
      }
      assertThat(all.get(Counter.TRANSFERS_TIMED_OUT)).isEqualTo(1);
      assertThat(all.get(Counter.TRANSFERS_CANCELED)).isEqualTo(1);
      assertThat(all.get(Counter.TRANSFERS_FAILED)).isEqualTo(4);
      assertThat(all.get(Counter.TRANSFERS_COMPLETED)).isEqualTo(1);
    }
  }
}
