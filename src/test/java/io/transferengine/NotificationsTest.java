// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.BlockLayout;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Messages of peers are waited for, or handed over; a batch of many parts has one. */
@Timeout(60)
class NotificationsTest {
  private static final Duration LONG = Duration.ofSeconds(30);
  private final TestEngine here = new TestEngine(64 << 10);
  private final TestEngine there = new TestEngine(64 << 10);

  @AfterEach
  void close() {
    here.close();
    there.close();
  }

  private void send(String name) {
    here.engine.sendNotify(there.engine.segmentName(), new TransferNotify(name, "text"));
  }

  @Test
  void oneIsWaitedFor() throws Exception {
    assertThat(there.engine.takeNotification(Duration.ZERO)).isEmpty();
    assertThat(there.engine.takeNotification(Duration.ofSeconds(Long.MIN_VALUE))).isEmpty();
    assertThat(there.engine.takeNotification(Duration.ofMillis(20))).isEmpty();
    CompletableFuture<Notification> taken = new CompletableFuture<>();
    Thread waiter =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    taken.complete(there.engine.takeNotification(LONG).orElseThrow());
                  } catch (Throwable t) {
                    taken.completeExceptionally(t);
                  }
                });
    TestEngine.eventually("waits", () -> waiter.getState() == Thread.State.TIMED_WAITING);
    send("one");
    Notification one = taken.get(30, TimeUnit.SECONDS);
    assertThat(one.name()).isEqualTo("one");
    assertThat(one.message()).isEqualTo("text");
    assertThat(one.sender()).isEqualTo(InetAddress.getLoopbackAddress());
    assertThat(one)
        .hasToString("Notification from 127.0.0.1, name of 3 and message of 4 characters");
    assertThat(there.engine.takeNotifies()).isEmpty();
  }

  @Test
  void whoWaitsLearnsOfTheEnd() {
    CompletableFuture<Object> taken = new CompletableFuture<>();
    Thread waiter =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    taken.complete(
                        there.engine.takeNotification(Duration.ofSeconds(Long.MAX_VALUE)));
                  } catch (Throwable t) {
                    taken.completeExceptionally(t);
                  }
                });
    TestEngine.eventually("waits", () -> waiter.getState() == Thread.State.TIMED_WAITING);
    there.engine.close();
    assertThatThrownBy(() -> taken.get(30, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .cause()
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CLOSED));
    assertThatThrownBy(() -> there.engine.onNotification(any -> {}))
        .isInstanceOf(TransferException.class);
  }

  @Test
  void aListenerIsToldInOrderWhateverItThrows() throws InterruptedException {
    send("before");
    LinkedBlockingQueue<String> told = new LinkedBlockingQueue<>();
    AtomicBoolean thrown = new AtomicBoolean();
    NotificationListener listener =
        there.engine.onNotification(
            notification -> {
              told.add(notification.name() + " on " + Thread.currentThread().getName());
              if (thrown.compareAndSet(false, true)) {
                Thread.currentThread().interrupt();
                throw new IllegalStateException("the listener's own");
              }
            });
    try (listener) {
      send("two");
      send("three");
      List<String> names = new ArrayList<>();
      for (int i = 0; i < 3; i++) {
        names.add(told.poll(30, TimeUnit.SECONDS));
      }
      assertThat(names)
          .containsExactly(
              "before on te-notifications", "two on te-notifications", "three on te-notifications");
    }
    listener.close();
    send("later");
    Notification later = there.engine.takeNotification(LONG).orElseThrow();
    assertThat(later.name()).isEqualTo("later");
    assertThat(told).isEmpty();
  }

  @Test
  void partsInSeveralRegionsAreOneBatchWithOneNotification() throws InterruptedException {
    byte[] bytes = TestEngine.random(3, 64 << 10);
    here.put(0, bytes);
    List<BlockColumns> layers = new ArrayList<>();
    for (int layer = 0; layer < 4; layer++) {
      layers.add(
          BlockColumns.paged(
              new BlockLayout(here.address() + layer * 16384L, 4096, 4096, new int[] {0, 2}),
              new BlockLayout(there.address() + layer * 16384L, 4096, 4096, new int[] {0, 2})));
    }
    BlockColumns all = BlockColumns.concat(layers);
    assertThat(all.count()).isEqualTo(8);
    assertThat(all.totalBytes()).isEqualTo(8 * 4096);
    Segment peer = here.engine.openSegment(there.engine.segmentName());
    Transfer transfer =
        here.engine.submit(peer.request(Operation.WRITE, all).withNotification("cache", "done"));
    TestEngine.assertCompleted(transfer);
    assertThat(there.engine.takeNotification(LONG).orElseThrow().name()).isEqualTo("cache");
    assertThat(there.engine.takeNotification(Duration.ofMillis(20))).isEmpty();
    byte[] moved = there.bytes(0, 64 << 10);
    for (int page = 0; page < 16; page++) {
      byte[] expected = new byte[4096];
      if (page % 2 == 0) {
        System.arraycopy(bytes, page * 4096, expected, 0, 4096);
      }
      assertThat(Arrays.copyOfRange(moved, page * 4096, (page + 1) * 4096))
          .as("page %d", page)
          .isEqualTo(expected);
    }
  }

  @Test
  void partsThatAreTooManyAreRefused() {
    BlockColumns half = BlockColumns.of(filled(600_000, 1), filled(600_000, 1), filled(600_000, 1));
    assertThatThrownBy(() -> BlockColumns.concat(List.of(half, half)))
        .isInstanceOfSatisfying(
            TransferException.class,
            e -> assertThat(e.code()).isEqualTo(ErrorCode.TOO_MANY_REQUESTS))
        .hasMessageContaining("1200000");
    assertThat(BlockColumns.concat(List.of()).count()).isZero();
  }

  private static long[] filled(int count, long value) {
    long[] all = new long[count];
    Arrays.fill(all, value);
    return all;
  }

  @Test
  void futuresCompleteOnThreadsWithNames() throws Exception {
    CountDownLatch chained = new CountDownLatch(1);
    CompletableFuture<String> name = new CompletableFuture<>();
    Transfer transfer =
        here.submit(Operation.WRITE, there.engine.segmentName(), there.address(), 64 << 10);
    var _ =
        transfer
            .toCompletableFuture()
            .whenComplete(
                (none, why) -> {
                  name.complete(Thread.currentThread().getName());
                  chained.countDown();
                });
    assertThat(chained.await(30, TimeUnit.SECONDS)).isTrue();
    assertThat(name.get()).matches("te-future-\\d+|" + Thread.currentThread().getName());
  }
}
