// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineListener;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.testkit.LogCapture;
import java.util.ArrayDeque;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What becomes of events on their way to listeners. */
@Timeout(60)
class EventQueueTest {
  private final AtomicLong omitted = new AtomicLong();
  private final AtomicLong clockNanos = new AtomicLong();
  private final ArrayDeque<Runnable> deliveries = new ArrayDeque<>();
  private final HeardEvents heard = new HeardEvents();
  private boolean hasNoThread;

  private final EventQueue queue =
      new EventQueue(
          omitted::incrementAndGet,
          delivery -> {
            if (hasNoThread) {
              throw new RejectedExecutionException("of this test");
            }
            deliveries.add(delivery);
          },
          clockNanos::get);

  private static EngineEvent served(int number) {
    return EngineEvent.builder(EngineEvent.Kind.HANDSHAKE_SERVED)
        .what(String.valueOf(number))
        .build();
  }

  private static EngineEvent refused(Counter counter) {
    return EngineEvent.builder(EngineEvent.Kind.REFUSED).counter(counter).build();
  }

  private void deliver() {
    for (Runnable each = deliveries.poll(); each != null; each = deliveries.poll()) {
      each.run();
    }
  }

  @Test
  void whereNobodyListensNothingWaits() {
    queue.tell(served(1));
    assertThat(queue.isHeard()).isFalse();
    assertThat(deliveries).isEmpty();
    queue.add(heard);
    assertThat(queue.isHeard()).isTrue();
    deliver();
    assertThat(heard.all()).isEmpty();
    queue.remove(heard);
    assertThat(queue.isHeard()).isFalse();
    assertThat(omitted).hasValue(0);
  }

  @Test
  void eventsComeInTheirOrderFromOneDelivery() {
    queue.add(heard);
    for (int i = 0; i < 10; i++) {
      queue.tell(served(i));
    }
    assertThat(deliveries).hasSize(1);
    assertThat(heard.all()).isEmpty();
    deliver();
    queue.tell(served(10));
    deliver();
    assertThat(heard.all())
        .extracting(EngineEvent::what)
        .containsExactly("0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10");
  }

  @Test
  void whatAListenerThrowsHarmsNobody() {
    try (LogCapture log = new LogCapture()) {
      queue.add(
          new EngineListener() {
            @Override
            public void happened(EngineEvent event) {
              throw new OutOfMemoryError("of this test");
            }

            @Override
            public String toString() {
              return "that throws";
            }
          });
      queue.add(heard);
      queue.tell(served(1));
      queue.tell(served(2));
      deliver();
      assertThat(heard.all()).hasSize(2);
      assertThat(log.warnings()).anyMatch(line -> line.contains("The listener that throws failed"));
    }
  }

  @Test
  void nobodyWaitsForAListenerThatBlocks() {
    queue.add(heard);
    for (int i = 0; i < EventQueue.WAITING_LIMIT + 7; i++) {
      queue.tell(served(i));
    }
    assertThat(omitted).hasValue(7);
    deliver();
    assertThat(heard.all()).hasSize(EventQueue.WAITING_LIMIT);
    queue.tell(served(0));
    deliver();
    assertThat(heard.all()).hasSize(EventQueue.WAITING_LIMIT + 1);
  }

  @Test
  void withoutAThreadAnEventIsOmittedAndTheNextIsTold() {
    queue.add(heard);
    hasNoThread = true;
    queue.tell(served(1));
    queue.tell(served(2));
    assertThat(omitted).hasValue(2);
    hasNoThread = false;
    queue.tell(served(3));
    deliver();
    assertThat(heard.all()).extracting(EngineEvent::what).containsExactly("3");
  }

  @Test
  void strangersDoNotCrowdOthersOut() {
    queue.add(heard);
    for (int i = 0; i < EventQueue.WAITING_LIMIT; i++) {
      queue.tell(refused(Counter.INBOUND_REJECTED));
    }
    queue.tell(refused(Counter.HANDSHAKES_REFUSED));
    queue.tell(served(1));
    assertThat(omitted).hasValue(EventQueue.WAITING_LIMIT - EventQueue.PER_SECOND_LIMIT);
    deliver();
    assertThat(heard.all()).hasSize(EventQueue.PER_SECOND_LIMIT + 2);

    clockNanos.addAndGet(TimeUnit.SECONDS.toNanos(1));
    queue.tell(refused(Counter.INBOUND_REJECTED));
    deliver();
    assertThat(heard.all()).hasSize(EventQueue.PER_SECOND_LIMIT + 3);
  }
}
