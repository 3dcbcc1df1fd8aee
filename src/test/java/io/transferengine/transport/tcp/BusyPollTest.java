// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.channel.IoEvent;
import io.netty.channel.IoHandle;
import io.netty.channel.IoHandler;
import io.netty.channel.IoHandlerContext;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.IoRegistration;
import io.netty.util.concurrent.ImmediateEventExecutor;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class BusyPollTest {
  private static final long NANOS = 1_000;

  private final Sockets sockets = new Sockets();
  private final Loop loop = new Loop();
  private long now = Long.MAX_VALUE - NANOS / 2;

  /** How much later it is at each look at the clock. */
  private long stepNanos;

  private final IoHandlerFactory plain = _ -> sockets;

  /** What a loop with tasks, or without, says. */
  private static final class Loop implements IoHandlerContext {
    boolean idle = true;

    @Override
    public boolean canBlock() {
      return idle;
    }

    @Override
    public long delayNanos(long currentTimeNanos) {
      return currentTimeNanos + 1;
    }

    @Override
    public long deadlineNanos() {
      return 2;
    }
  }

  /** Notes what it is told, and handles as many events as it is to. */
  private static final class Sockets implements IoHandler {
    final List<String> told = new ArrayList<>();
    int events;
    boolean mayBlock;

    @Override
    public int run(IoHandlerContext context) {
      mayBlock = context.canBlock();
      told.add("run " + context.delayNanos(7) + " " + context.deadlineNanos());
      return events;
    }

    @Override
    public void initialize() {
      told.add("initialize");
    }

    @Override
    public void prepareToDestroy() {
      told.add("prepareToDestroy");
    }

    @Override
    public void destroy() {
      told.add("destroy");
    }

    @Override
    public IoRegistration register(IoHandle handle) {
      throw new UnsupportedOperationException("register");
    }

    @Override
    public void wakeup() {
      told.add("wakeup");
    }

    @Override
    public boolean isCompatible(Class<? extends IoHandle> handleType) {
      return handleType == IoHandle.class;
    }
  }

  private IoHandler handler() {
    return handler(NANOS);
  }

  private IoHandler handler(long nanos) {
    return BusyPoll.around(plain, nanos, () -> now += stepNanos)
        .newHandler(ImmediateEventExecutor.INSTANCE);
  }

  private void event(IoHandler handler) {
    sockets.events = 1;
    handler.run(loop);
    sockets.events = 0;
  }

  @Test
  void withoutATimeNothingIsBetween() {
    assertThat(BusyPoll.around(plain, 0)).isSameAs(plain);
  }

  @Test
  void itSleepsWhenTheTimeIsOver() {
    IoHandler handler = handler();
    now += NANOS - 1;
    assertThat(maySleep(handler)).isFalse();
    now++;
    assertThat(maySleep(handler)).isTrue();
  }

  @Test
  void pausesAreSleptThroughWhereLookingBroughtNothing() {
    IoHandler handler = handler();
    for (int pauses : List.of(1, 3, 7)) {
      looksInVain(handler);
      for (int pause = 0; pause < pauses; pause++) {
        event(handler);
        assertThat(maySleep(handler)).as("%d of %d", pause, pauses).isTrue();
      }
      event(handler);
    }
    assertThat(maySleep(handler)).isFalse();
    event(handler);
    looksInVain(handler);
    for (int pause = 0; pause < 7; pause++) {
      event(handler);
      assertThat(maySleep(handler)).as("%d of 7, after one that paid", pause).isTrue();
    }
    event(handler);
    assertThat(maySleep(handler)).isFalse();
  }

  private void looksInVain(IoHandler handler) {
    assertThat(maySleep(handler)).isFalse();
    now += NANOS;
    assertThat(maySleep(handler)).isTrue();
  }

  @Test
  void itSleepsForATimeIfOthersHadTheProcessorForLong() {
    IoHandler handler = handler(1_000_000);
    stepNanos = 99_999;
    assertThat(maySleep(handler)).isFalse();
    stepNanos = 100_000;
    assertThat(maySleep(handler)).isTrue();
    stepNanos = 0;
    now += 300 * 100_000 - 1;
    event(handler);
    assertThat(maySleep(handler)).isTrue();
    now++;
    assertThat(maySleep(handler)).as("in the pause that is slept through").isTrue();
    event(handler);
    assertThat(maySleep(handler)).isFalse();
  }

  @Test
  void itSleepsForTenSecondsAtMostIfItWasStoppedForLong() {
    IoHandler handler = handler(100_000_000_000L);
    stepNanos = 60_000_000_000L;
    assertThat(maySleep(handler)).isTrue();
    stepNanos = 0;
    now += 10_000_000_000L - 1;
    event(handler);
    assertThat(maySleep(handler)).isTrue();
    now++;
    event(handler);
    assertThat(maySleep(handler)).isFalse();
  }

  @Test
  void tasksBeginTheTimeAnew() {
    IoHandler handler = handler();
    loop.idle = false;
    assertThat(maySleep(handler)).isFalse();
    loop.idle = true;
    now += NANOS - 1;
    assertThat(maySleep(handler)).isFalse();
    now++;
    assertThat(maySleep(handler)).isTrue();
  }

  @Test
  void eventsBeginTheTimeAnew() {
    IoHandler handler = handler();
    sockets.events = 3;
    assertThat(handler.run(loop)).isEqualTo(3);
    sockets.events = 0;
    now += NANOS - 1;
    assertThat(maySleep(handler)).isFalse();
    now++;
    assertThat(maySleep(handler)).isTrue();
  }

  private boolean maySleep(IoHandler handler) {
    handler.run(loop);
    return sockets.mayBlock;
  }

  @Test
  void handsOnWhatItIsTold() {
    IoHandler handler = handler();
    handler.initialize();
    handler.run(loop);
    handler.wakeup();
    handler.prepareToDestroy();
    handler.destroy();
    assertThat(sockets.told)
        .containsExactly("initialize", "run 8 2", "wakeup", "prepareToDestroy", "destroy");
    assertThat(handler.isCompatible(IoHandle.class)).isTrue();
    IoHandle any =
        new IoHandle() {
          @Override
          public void handle(IoRegistration registration, IoEvent event) {}

          @Override
          public void close() {}
        };
    assertThatThrownBy(() -> handler.register(any)).hasMessage("register");
  }
}
