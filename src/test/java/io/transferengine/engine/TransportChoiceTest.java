// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.TransportPolicy;
import io.transferengine.events.EngineEvent;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.testkit.HeardEvents;
import io.transferengine.wire.SegmentDescriptor;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What is said of transports that are preferred and not used. */
@Timeout(60)
class TransportChoiceTest {
  private final EngineMetrics metrics = new EngineMetrics();
  private final HeardEvents heard = new HeardEvents();
  private final TransportChoice choice =
      new TransportChoice(List.of("rdma", "tcp"), "rdma", metrics);

  TransportChoiceTest() {
    metrics.events().add(heard);
  }

  @Test
  void oneThatIsAbsentIsAnEventAndAProblem() {
    assertThat(choice.problems()).isEmpty();
    choice.isAbsent("rdma", TransportPolicy.DEFAULT, "there is no device", null);
    choice.isTakenInstead("tcp");
    EngineEvent event = heard.first(EngineEvent.Kind.FALLBACK, Counter.TCP_CHOSEN_OVER_RDMA);
    assertThat(event.transport()).isEqualTo("tcp");
    assertThat(event.what()).isEqualTo("there is no device");
    assertThat(choice.problems())
        .singleElement()
        .satisfies(
            problem -> {
              assertThat(problem.what())
                  .isEqualTo(
                      "TCP is used, although protocol 'rdma' prefers RDMA: there is no device");
              assertThat(problem.remedy()).contains("./te doctor");
            });
  }

  @Test
  void aPeerThatIsReachedOverAnotherIsAnEvent() {
    SegmentDescriptor peer = SegmentDescriptor.builder("peer:1", SegmentDescriptor.TCP).build();
    choice.isReachedOver("tcp", peer, "rdma", TransportPolicy.DEFAULT, Optional.empty());
    EngineEvent event = heard.first(EngineEvent.Kind.FALLBACK, Counter.TCP_CHOSEN_OVER_RDMA);
    assertThat(event.peer()).isEqualTo("peer:1");
    assertThat(event.what()).contains("it has no RDMA and is reached over TCP");
    // That is the peer's affair.
    assertThat(choice.problems()).isEmpty();
  }
}
