// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.events.EngineEvent;
import io.transferengine.events.EngineListener;
import io.transferengine.metrics.Counter;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Predicate;

/** Collects the events of an engine. Thread-safe. */
public final class HeardEvents implements EngineListener {
  private final List<EngineEvent> events = new CopyOnWriteArrayList<>();

  @Override
  public void happened(EngineEvent event) {
    events.add(event);
  }

  /** {@return those so far} */
  public List<EngineEvent> all() {
    return List.copyOf(events);
  }

  /** Waits until there is one of a kind; {@return the first} */
  public EngineEvent first(EngineEvent.Kind kind) {
    return first(event -> event.kind() == kind);
  }

  /** Waits until there is one that this counts; {@return the first} */
  public EngineEvent first(EngineEvent.Kind kind, Counter counter) {
    return first(event -> event.kind() == kind && event.counter().equals(Optional.of(counter)));
  }

  private EngineEvent first(Predicate<EngineEvent> wanted) {
    await().untilAsserted(() -> assertThat(events).anyMatch(wanted));
    return events.stream().filter(wanted).findFirst().orElseThrow();
  }
}
