// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.recording.EngineMetrics;

/**
 * What one event loop holds for peers, for the engine's gauges. It is looked at every so often, so
 * that moving bytes costs nothing for it. Confined to the event loop.
 */
final class HeldBytes {
  private final EngineMetrics metrics;
  private long queued;
  private long staging;

  HeldBytes(EngineMetrics metrics) {
    this.metrics = metrics;
  }

  /** It is so much now. */
  void are(long queuedNow, long stagingNow) {
    metrics.change(Gauge.INBOUND_BYTES_QUEUED, queuedNow - queued);
    queued = queuedNow;
    metrics.change(Gauge.STAGING_BYTES_IN_USE, stagingNow - staging);
    staging = stagingNow;
  }
}
