// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class SegmentCacheTest {
  private static final Duration LONG = Duration.ofMinutes(5);

  private final Executor threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HeldTransport transport = new HeldTransport();

  /** Whoever waits for a question whose answer was lost gets the answer of a later one. */
  @Test
  void aLookupThatHangsIsReplaced() throws Exception {
    AtomicInteger questions = new AtomicInteger();
    CountDownLatch forEver = new CountDownLatch(1);
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> {
              if (questions.getAndIncrement() == 0) {
                awaitForEver(forEver);
              }
              return transport.segment(name);
            },
            threads,
            false);
    var first = cache.get("peer", LONG);
    Awaitility.await().until(() -> questions.get() == 1);
    var second = cache.get("peer", LONG);
    assertThat(questions).as("asked once while that is young").hasValue(1);
    // The age at which it is given up is the cache's; this asks until it does.
    Awaitility.await().until(() -> cache.get("peer", LONG).isDone());
    assertThat(first.get(10, TimeUnit.SECONDS).name()).isEqualTo("peer");
    assertThat(second.get(10, TimeUnit.SECONDS).name()).isEqualTo("peer");
    assertThat(questions).hasValue(2);
    forEver.countDown();
  }

  /** The question may have failed before they came: a peer that was away then is not now. */
  @Test
  void whoJoinsAQuestionThatFailsAsksOnceMore() throws Exception {
    AtomicInteger questions = new AtomicInteger();
    CountDownLatch joined = new CountDownLatch(1);
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> {
              if (questions.getAndIncrement() == 0) {
                awaitForEver(joined);
                throw new TransferException(ErrorCode.SOCKET, "away", "");
              }
              return transport.segment(name);
            },
            threads,
            false);
    var asking = cache.get("peer", LONG);
    Awaitility.await().until(() -> questions.get() == 1);
    var second = cache.get("peer", LONG);
    var third = cache.get("peer", LONG);
    joined.countDown();
    assertThatThrownBy(() -> asking.get(10, TimeUnit.SECONDS)).hasMessageContaining("away");
    assertThat(second.get(10, TimeUnit.SECONDS).name()).isEqualTo("peer");
    assertThat(third.get(10, TimeUnit.SECONDS).name()).isEqualTo("peer");
    assertThat(questions).hasValue(2);
  }

  @Test
  void aQuestionThatFailsTwiceIsNotPutAThirdTime() throws Exception {
    AtomicInteger questions = new AtomicInteger();
    CountDownLatch joined = new CountDownLatch(1);
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> {
              int number = questions.incrementAndGet();
              awaitForEver(joined);
              throw new TransferException(ErrorCode.SOCKET, "away for the time " + number, "");
            },
            threads,
            false);
    var asking = cache.get("peer", LONG);
    Awaitility.await().until(() -> questions.get() == 1);
    var second = cache.get("peer", LONG);
    joined.countDown();
    assertThatThrownBy(() -> asking.get(10, TimeUnit.SECONDS)).hasMessageContaining("time 1");
    assertThatThrownBy(() -> second.get(10, TimeUnit.SECONDS)).hasMessageContaining("time 2");
    assertThat(cache.names()).isEmpty();
  }

  /** What was known of it would stay for ever, and be asked about itself. */
  @Test
  void whatFailedOfAPeerIsForgottenWhenThePeerIsGone() throws Exception {
    AtomicInteger questions = new AtomicInteger();
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> {
              ErrorCode code =
                  questions.incrementAndGet() == 2
                      ? ErrorCode.METADATA_UNAVAILABLE
                      : ErrorCode.METADATA;
              if (questions.get() > 1) {
                throw new TransferException(code, "no record", "");
              }
              return transport.segment(name);
            },
            Runnable::run,
            false);
    RemoteSegment used = cache.get("peer", LONG).get(60, TimeUnit.SECONDS);
    cache.drop(used, false);
    assertThat(cache.outdated("peer")).isEmpty();
    cache.drop(used, true);
    assertThat(cache.outdated("peer")).as("the graver reason counts").hasValue(used);
    assertThat(cache.get("peer", LONG).get(60, TimeUnit.SECONDS))
        .as("while the service is away")
        .isSameAs(used);
    cache.drop(used, true);
    assertThat(cache.outdated("peer")).hasValue(used);
    assertThatThrownBy(() -> cache.get("peer", LONG).get(60, TimeUnit.SECONDS))
        .hasMessageContaining("no record");
    assertThat(cache.outdated("peer")).isEmpty();
  }

  private static void awaitForEver(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void whoWaitsHasADeadlineOfItsOwn() {
    CountDownLatch forEver = new CountDownLatch(1);
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> {
              awaitForEver(forEver);
              return transport.segment(name);
            },
            threads,
            false);
    assertThatThrownBy(() -> cache.await("peer", Duration.ofMillis(20), Duration.ofMillis(20)))
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.TIMEOUT));
    forEver.countDown();
  }

  @Test
  void aLookupForWhichThereIsNoThreadFails() {
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> transport.segment(name),
            command -> {
              throw new OutOfMemoryError("unable to create native thread");
            },
            false);
    assertThatThrownBy(() -> cache.get("peer", LONG).get(10, TimeUnit.SECONDS))
        .isInstanceOf(ExecutionException.class)
        .hasCauseInstanceOf(OutOfMemoryError.class);
    assertThat(cache.names()).isEmpty();
  }

  @Test
  void aRefreshOfAllAsksAFewAtATime() throws Exception {
    int peers = 500;
    AtomicInteger asking = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    List<String> asked = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch all = new CountDownLatch(peers);
    SegmentCache cache =
        new SegmentCache(
            (name, timeout) -> {
              most.accumulateAndGet(asking.incrementAndGet(), Math::max);
              LockSupport.parkNanos(1);
              asking.decrementAndGet();
              asked.add(name);
              all.countDown();
              return transport.segment(name);
            },
            threads,
            false);
    for (int i = 0; i < peers; i++) {
      var _ = cache.get("peer" + i, LONG);
    }
    all.await();
    asked.clear();
    most.set(0);
    List<Runnable> started = new ArrayList<>();
    SegmentRefresh refresh = new SegmentRefresh(cache, started::add, LONG);
    refresh.run();
    refresh.run();
    assertThat(started).as("one round at a time").hasSize(SegmentRefresh.AT_ONCE);
    List<Thread> running = started.stream().map(Thread.ofVirtual()::start).toList();
    for (Thread thread : running) {
      thread.join();
    }
    assertThat(asked).hasSize(peers).doesNotHaveDuplicates();
    assertThat(most.get()).isLessThanOrEqualTo(SegmentRefresh.AT_ONCE);
    refresh.run();
    assertThat(started).as("a new round").hasSize(2 * SegmentRefresh.AT_ONCE);
  }
}
