// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metadata.NotifyMessage;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;

/** What peers have notified us of and nobody has fetched yet. Thread-safe. */
final class Notifications {
  /** Kept until fetched. Beyond it senders are told that they failed: nothing is lost silently. */
  private static final int KEPT_LIMIT = 65_536;

  private final ArrayDeque<NotifyMessage> kept = new ArrayDeque<>();
  private final EngineMetrics metrics;

  Notifications(EngineMetrics metrics) {
    this.metrics = metrics;
  }

  synchronized void add(NotifyMessage message) {
    if (kept.size() >= KEPT_LIMIT) {
      metrics.increment(Counter.NOTIFICATIONS_DROPPED);
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          KEPT_LIMIT + " notifications wait to be fetched",
          "Call getNotifies more often");
    }
    kept.add(message);
  }

  synchronized List<NotifyMessage> drain() {
    List<NotifyMessage> drained = new ArrayList<>(kept);
    kept.clear();
    return drained;
  }
}
