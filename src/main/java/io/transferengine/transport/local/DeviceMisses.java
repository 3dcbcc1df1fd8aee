// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.LogKeys;
import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts the transfers of device memory to peers on this machine that go over the network, and says
 * why: once for each peer and reason. Thread-safe.
 */
final class DeviceMisses {
  private static final Logger log = LoggerFactory.getLogger(DeviceMisses.class);

  /** Peers and reasons that were told; what comes after so many is counted only. */
  private static final int TOLD_LIMIT = 4096;

  private record Told(String peer, String why) {}

  private final EngineMetrics metrics;

  // Guarded by this.
  private final Set<Told> told = new HashSet<>();

  DeviceMisses(EngineMetrics metrics) {
    this.metrics = metrics;
  }

  /**
   * A transfer goes over the network. {@code why} is a clause. Throws nothing. Listeners hear of it
   * once for each peer and reason, as the log does: it may be the way of every transfer.
   */
  void missed(String peer, String why) {
    boolean isNew = false;
    try {
      isNew = isNew(new Told(peer, why));
    } catch (Throwable t) {
      Anyway.failed(log, "Saying why device memory goes over the network", t);
    }
    if (isNew) {
      metrics.happened(EngineEvent.Kind.FALLBACK, Counter.LOCAL_DEVICE_TRANSFERS_MISSED, peer, why);
      tell(peer, why);
    } else {
      metrics.increment(Counter.LOCAL_DEVICE_TRANSFERS_MISSED);
    }
  }

  private static void tell(String peer, String why) {
    try {
      LogKeys.peer(peer)
          .cause(why)
          .on(log.atInfo())
          .log(
              "{} is on this machine, but some of its transfers of device memory go over the"
                  + " network: {}.",
              Printable.of(peer, 300),
              Printable.of(why, 1000));
    } catch (Throwable t) {
      Anyway.failed(log, "Saying why device memory goes over the network", t);
    }
  }

  private synchronized boolean isNew(Told one) {
    return told.size() < TOLD_LIMIT && told.add(one);
  }
}
