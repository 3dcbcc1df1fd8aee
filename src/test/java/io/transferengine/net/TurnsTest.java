// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.net.Turns.Turn;
import io.transferengine.testkit.LogCapture;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who waits for a turn waits for one piece of work of each other address. */
@Timeout(60)
class TurnsTest {
  private static final InetAddress CROWD = InetAddress.ofLiteral("127.0.0.1");
  private static final InetAddress ONE = InetAddress.ofLiteral("127.0.0.2");
  private static final InetAddress TWO = InetAddress.ofLiteral("127.0.0.3");

  private final AtomicInteger waits = new AtomicInteger();
  private final Turns turns = new Turns(1, waits::incrementAndGet);
  private final BlockingQueue<String> begun = new LinkedBlockingQueue<>();
  private final Semaphore goOn = new Semaphore(0);

  private Turn work(InetAddress address, String name) {
    return turns.execute(
        address,
        () -> {
          begun.add(name);
          goOn.acquireUninterruptibly();
        },
        () -> {});
  }

  private String next() throws InterruptedException {
    String name = begun.poll(20, TimeUnit.SECONDS);
    goOn.release();
    return String.valueOf(name);
  }

  private static long soon() {
    return System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
  }

  @Test
  void oneOfEachAddressInTurn() throws Exception {
    for (int i = 0; i < 1000; i++) {
      var _ = work(CROWD, "crowd " + i);
    }
    var _ = work(ONE, "one");
    var _ = work(TWO, "two");
    var _ = work(TWO, "two again");
    assertThat(waits).hasValue(1002);
    List<String> order = new ArrayList<>();
    for (int i = 0; i < 1003; i++) {
      order.add(next());
    }
    assertThat(order)
        .startsWith("crowd 0", "crowd 1", "one", "two", "crowd 2", "two again", "crowd 3")
        .endsWith("crowd 998", "crowd 999");
    turns.take(ONE, soon()).end();
    int before = waits.get();
    turns.take(ONE, soon()).end();
    assertThat(waits).as("when nobody else is there").hasValue(before);
  }

  @Test
  void soManyAtOnce() throws Exception {
    Turns three = new Turns(3, waits::incrementAndGet);
    List<Turn> taken = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      taken.add(three.take(CROWD, soon()));
    }
    assertThat(waits).hasValue(0);
    CompletableFuture<Turn> fourth =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                return three.take(ONE, soon());
              } catch (InterruptedException | TimeoutException e) {
                throw new AssertionError(e);
              }
            });
    Awaitility.await().untilAsserted(() -> assertThat(waits).hasValue(1));
    assertThat(fourth).isNotDone();
    taken.getFirst().end();
    // Not one more.
    taken.getFirst().end();
    Turn granted = fourth.get(20, TimeUnit.SECONDS);
    assertThatThrownBy(() -> three.take(TWO, System.nanoTime()))
        .isInstanceOf(TimeoutException.class);
    granted.end();
    three.take(TWO, soon()).end();
  }

  @Test
  void whoLeavesIsNotWaitedFor() throws Exception {
    var _ = work(CROWD, "first");
    Turn left = work(CROWD, "left");
    Turn alone = work(ONE, "alone");
    var _ = work(CROWD, "last");
    left.leave();
    left.leave();
    alone.leave();
    assertThat(next()).isEqualTo("first");
    assertThat(next()).isEqualTo("last");
    turns.take(ONE, soon()).end();
    assertThat(begun).isEmpty();
  }

  @Test
  void whoIsLateOrInterruptedKeepsNoTurn() throws Exception {
    Turn taken = turns.take(CROWD, soon());
    taken.leave();
    assertThatThrownBy(() -> turns.take(ONE, System.nanoTime()))
        .isInstanceOf(TimeoutException.class);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> turns.take(ONE, soon())).isInstanceOf(InterruptedException.class);
    taken.end();
    turns.take(ONE, soon()).end();
  }

  @Test
  void workThatThrowsGivesItsTurnBack() throws Exception {
    try (LogCapture _ = new LogCapture()) {
      var _ =
          turns.execute(
              CROWD,
              () -> {
                begun.add("thrown");
                throw new InternalError("meant to be thrown");
              },
              () -> {});
      assertThat(next()).isEqualTo("thrown");
      turns.take(ONE, soon()).end();
    }
  }

  /** Else its connection would stand until its time is over. */
  @Test
  void whoseThreadCannotBeStartedIsTold() throws Exception {
    Turns threadless =
        new Turns(
            1,
            waits::incrementAndGet,
            new HashMap<>(),
            work ->
                new Thread(work) {
                  @Override
                  public void start() {
                    throw new OutOfMemoryError("meant to be thrown");
                  }
                });
    Turn taken = threadless.take(CROWD, soon());
    var _ = threadless.execute(ONE, () -> begun.add("one"), () -> begun.add("one is lost"));
    var _ = threadless.execute(TWO, () -> begun.add("two"), () -> begun.add("two is lost"));
    try (LogCapture _ = new LogCapture()) {
      taken.end();
    }
    assertThat(begun).containsExactly("one is lost", "two is lost");
    threadless.take(ONE, soon()).end();
  }

  /** A map puts it in and grows then, for which there may be no memory. */
  private static final class Scarce extends HashMap<InetAddress, Turns.Line> {
    private static final long serialVersionUID = 1;
    private boolean isFull = true;

    @Override
    public Turns.@Nullable Line put(InetAddress address, Turns.Line line) {
      Turns.Line before = super.put(address, line);
      if (isFull) {
        isFull = false;
        throw new OutOfMemoryError("meant to be thrown");
      }
      return before;
    }
  }

  /** Nobody would ever end the turn that it had got. */
  @Test
  void whoFindsNoMemoryToWaitGetsNoTurn() throws Exception {
    Turns scarce = new Turns(1, waits::incrementAndGet, new Scarce(), Thread::new);
    Turn taken = scarce.take(CROWD, soon());
    assertThatThrownBy(() -> scarce.take(ONE, soon())).isInstanceOf(OutOfMemoryError.class);
    taken.end();
    scarce.take(ONE, soon()).end();
    scarce.take(TWO, soon()).end();
  }
}
