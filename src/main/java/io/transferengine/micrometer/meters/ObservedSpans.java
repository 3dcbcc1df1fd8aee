// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.micrometer.observation.Observation;
import io.transferengine.transfer.TraceParent;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;

/**
 * The observations of transfers under way, of all engines, by their spans. The engine's threads
 * tell of an end, and no span is current there; so the meters make it current for what they record.
 * Then a registry that knows the application's tracer has the trace's id for its exemplars.
 * Thread-safe.
 */
public final class ObservedSpans {
  /** No more than there are transfers. */
  private static final ConcurrentMap<TraceParent, Observation> UNDER_WAY =
      new ConcurrentHashMap<>();

  private static final Spans.Scope NONE = () -> {};

  private ObservedSpans() {}

  /** A transfer begins. */
  public static void add(TraceParent span, Observation observation) {
    UNDER_WAY.put(span, observation);
  }

  /** It has ended. */
  public static void remove(TraceParent span) {
    UNDER_WAY.remove(span);
  }

  static Spans.Scope open(TraceParent span) {
    Observation observation = UNDER_WAY.get(span);
    if (observation == null) {
      return NONE;
    }
    Observation.Scope scope = observation.openScope();
    return scope::close;
  }
}
