// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;

/**
 * What one connection of a peer has done, counted here first, since the engine's counters are
 * shared by all event loops. Confined to the connection's event loop.
 */
final class InboundCounts {
  private final EngineMetrics metrics;
  private long requests;
  private long bytesWritten;
  private long bytesRead;

  InboundCounts(EngineMetrics metrics) {
    this.metrics = metrics;
  }

  void request() {
    requests++;
  }

  void written(long bytes) {
    bytesWritten += bytes;
  }

  void read(long bytes) {
    bytesRead += bytes;
  }

  /** Adds what has come together since the last call to the engine's counters. */
  void handOver() {
    if (requests > 0) {
      metrics.add(Counter.INBOUND_REQUESTS, requests);
      requests = 0;
    }
    if (bytesWritten > 0) {
      metrics.add(Counter.INBOUND_BYTES_WRITTEN, bytesWritten);
      bytesWritten = 0;
    }
    if (bytesRead > 0) {
      metrics.add(Counter.INBOUND_BYTES_READ, bytesRead);
      bytesRead = 0;
    }
  }
}
