// SPDX-License-Identifier: Apache-2.0
package io.transferengine.micrometer.meters;

import io.transferengine.metrics.MetricsSnapshot;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * An engine's figures, at most half a second old. A registry asks for some eighty meters one after
 * another, and all figures of an engine with many peers take a while. Thread-safe.
 */
final class Figures {
  private static final long AGE_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  private final Supplier<MetricsSnapshot> source;
  private @Nullable MetricsSnapshot last;
  private long lastNanos;

  Figures(Supplier<MetricsSnapshot> source) {
    this.source = source;
  }

  synchronized MetricsSnapshot now() {
    long now = System.nanoTime();
    MetricsSnapshot known = last;
    if (known == null || now - lastNanos > AGE_NANOS) {
      known = source.get();
      last = known;
      lastNanos = now;
    }
    return known;
  }
}
