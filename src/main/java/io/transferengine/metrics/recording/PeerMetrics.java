// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics.recording;

import io.transferengine.metrics.PeerSnapshot;
import java.util.concurrent.atomic.LongAdder;

/** The write side of one peer's figures. Thread-safe; keep a reference rather than look it up. */
public final class PeerMetrics {
  private final LongAdder bytesWritten = new LongAdder();
  private final LongAdder bytesRead = new LongAdder();
  private final LongAdder transfersCompleted = new LongAdder();
  private final LongAdder transfersFailed = new LongAdder();

  PeerMetrics() {}

  /**
   * Counts bytes written to the peer.
   *
   * @param bytes how many, 0 or more
   */
  public void addBytesWritten(long bytes) {
    bytesWritten.add(bytes);
  }

  /**
   * Counts bytes read from the peer.
   *
   * @param bytes how many, 0 or more
   */
  public void addBytesRead(long bytes) {
    bytesRead.add(bytes);
  }

  /** Counts one completed transfer. */
  public void transferCompleted() {
    transfersCompleted.increment();
  }

  /** Counts one transfer that did not complete, for whatever cause. */
  public void transferFailed() {
    transfersFailed.increment();
  }

  PeerSnapshot snapshot() {
    return PeerSnapshot.builder()
        .bytesWritten(bytesWritten.sum())
        .bytesRead(bytesRead.sum())
        .transfersCompleted(transfersCompleted.sum())
        .transfersFailed(transfersFailed.sum())
        .build();
  }
}
