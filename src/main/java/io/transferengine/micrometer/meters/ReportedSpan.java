// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.prometheus.metrics.tracer.common.SpanContext;
import io.transferengine.transfer.TraceParent;
import org.jspecify.annotations.Nullable;

/**
 * The span of the transfer that a thread just records, as its report says it: what an engine serves
 * by itself has exemplars, too, and needs no tracer. Thread-safe.
 */
final class ReportedSpan implements SpanContext, Spans {
  private static final ThreadLocal<@Nullable TraceParent> CURRENT = new ThreadLocal<>();

  /** Made once: a transfer may end in a full heap, and what is linked there is lost for good. */
  private static final Scope END = CURRENT::remove;

  @Override
  public Scope open(TraceParent span) {
    CURRENT.set(span);
    return END;
  }

  @Override
  public @Nullable String getCurrentTraceId() {
    TraceParent span = CURRENT.get();
    return span == null ? null : span.traceId();
  }

  @Override
  public @Nullable String getCurrentSpanId() {
    TraceParent span = CURRENT.get();
    return span == null ? null : span.spanId();
  }

  @Override
  public boolean isCurrentSpanSampled() {
    TraceParent span = CURRENT.get();
    return span != null && span.isSampled();
  }

  /** A trace that was not to be recorded cannot be recorded now. */
  @Override
  public void markCurrentSpanAsExemplar() {}
}
