// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationRegistry;
import io.transferengine.transfer.TraceParent;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import org.jspecify.annotations.Nullable;

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
    ObservationRegistry registry = observation.getObservationRegistry();
    Observation.@Nullable Scope before = registry.getCurrentObservationScope();
    try {
      Observation.Scope scope = observation.openScope();
      return scope::close;
    } catch (RuntimeException | Error ofATracer) {
      // The scope is the current one before any tracer is told of it.
      close(registry, before, ofATracer);
      throw ofATracer;
    }
  }

  /** Closes what is open in this thread, down to what was current before. */
  private static void close(
      ObservationRegistry registry, Observation.@Nullable Scope before, Throwable why) {
    try {
      Observation.Scope left = registry.getCurrentObservationScope();
      if (left != null && left != before) {
        left.close();
      }
    } catch (RuntimeException | Error alsoOfATracer) {
      if (alsoOfATracer != why) {
        why.addSuppressed(alsoOfATracer);
      }
    } finally {
      registry.setCurrentObservationScope(before);
    }
  }
}
