// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TraceParent;
import io.transferengine.transfer.TransferState;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What a tracer throws leaves no thread in a span, and costs no figure. */
class ObservedSpansTest {
  private static final TraceParent SPAN =
      TraceParent.of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

  private final ObservationRegistry registry = ObservationRegistry.create();

  /** Fails in its second scope and, the worse of two, whenever one is closed. */
  private static final class Tracer implements ObservationHandler<Observation.Context> {
    private final boolean failsAtClose;
    private boolean fails;

    Tracer(boolean failsAtClose) {
      this.failsAtClose = failsAtClose;
    }

    @Override
    public void onScopeOpened(Observation.Context context) {
      if (fails) {
        throw new IllegalStateException("of this test");
      }
      fails = true;
    }

    @Override
    public void onScopeClosed(Observation.Context context) {
      if (failsAtClose) {
        throw new IllegalArgumentException("of this test");
      }
    }

    @Override
    public boolean supportsContext(Observation.Context context) {
      return true;
    }
  }

  private void assertNoSpanIsLeft(Tracer tracer) {
    registry.observationConfig().observationHandler(tracer);
    Observation.Scope outer = Observation.start("outer", registry).openScope();
    ObservedSpans.add(SPAN, Observation.start("inner", registry));
    try {
      assertThatThrownBy(() -> ObservedSpans.open(SPAN)).isInstanceOf(IllegalStateException.class);
      assertThat(registry.getCurrentObservationScope()).isSameAs(outer);
    } finally {
      ObservedSpans.remove(SPAN);
      registry.setCurrentObservationScope(null);
    }
  }

  @Test
  void aTracerThatThrowsLeavesNoSpanOpen() {
    assertNoSpanIsLeft(new Tracer(false));
  }

  @Test
  void notEvenOneThatThrowsAgain() {
    assertNoSpanIsLeft(new Tracer(true));
  }

  @Test
  void anErrorOfATracerCostsNoFigure() {
    SimpleMeterRegistry meters = new SimpleMeterRegistry();
    AssertionError thrown = new AssertionError("of this test");
    TransferMeters listener =
        new TransferMeters(
            meters,
            Tags.empty(),
            _ -> {
              throw thrown;
            });
    assertThatThrownBy(
            () ->
                listener.ended(
                    Operation.READ, "tcp", TransferState.COMPLETED, 1, 1, 1, Optional.of(SPAN)))
        .isSameAs(thrown);
    assertThat(meters.get(TransferMeters.DURATION).timer().count()).isOne();
  }
}
