// SPDX-License-Identifier: Apache-2.0
package io.transferengine.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class EventTest {
  private final Event event = new Event();

  @Test
  void whoWaitsGoesOnWhenItHappens() throws Exception {
    FutureTask<Boolean> waiting = new FutureTask<>(() -> event.await(Long.MAX_VALUE));
    Thread thread = Thread.ofPlatform().daemon().start(waiting);
    while (thread.getState() != Thread.State.TIMED_WAITING) {
      Thread.onSpinWait();
    }
    event.happen();
    assertThat(waiting.get(20, TimeUnit.SECONDS)).isTrue();
    assertThat(event.await(0)).as("whoever looks later").isTrue();
  }

  @Test
  void theWaitEndsWithItsTime() throws Exception {
    assertThat(event.await(1)).isFalse();
    assertThat(event.await(0)).isFalse();
    assertThat(event.await(-1)).isFalse();
  }

  @Test
  void anInterruptEndsTheWait() {
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> event.await(Long.MAX_VALUE)).isInstanceOf(InterruptedException.class);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
  }

  @Test
  void anInterruptIsKeptUntilTheWaitIsOver() {
    Thread.currentThread().interrupt();
    assertThat(event.awaitUninterruptibly(0)).isFalse();
    assertThat(Thread.interrupted()).isTrue();
    event.happen();
    Thread.currentThread().interrupt();
    assertThat(event.awaitUninterruptibly(Long.MAX_VALUE)).isTrue();
    assertThat(Thread.interrupted()).isTrue();
  }
}
