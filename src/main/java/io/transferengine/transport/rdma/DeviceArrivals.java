// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.device.DeviceExports;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.TransferTask;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What network cards have written to the memory of CUDA devices. Some devices may see it later than
 * the processor sees the card's completion, or the peer's word. Their driver is asked to wait for
 * it (a flush) before anybody here is told that bytes have arrived: before a read is complete, and
 * before a notification of a peer is.
 *
 * <p>Most devices see what arrives in its order, as their driver says; nothing is done for them.
 * Nor for a device of which no memory is registered at the cards: it may be lost, or its context
 * gone.
 *
 * <p>Thread-safe.
 */
final class DeviceArrivals {
  private static final Logger log = LoggerFactory.getLogger(DeviceArrivals.class);

  private final DeviceExports exports;
  private final WarnLimiter unordered = new WarnLimiter(log);

  /** Made in advance: there may be no memory for it when it is needed. */
  private final TransferException notFlushed = WorkErrors.localFault();

  /** Those that have had memory here. What their driver said once, it says always. */
  private final Map<MemoryKind.Device, Counted> known = new ConcurrentHashMap<>();

  /** Of all devices that have to be asked; 0 for nearly everybody. */
  private final AtomicInteger lateRegions = new AtomicInteger();

  /** A device, and how many regions of its memory the cards may write to. */
  private static final class Counted {
    final boolean isLate;
    final AtomicInteger regions = new AtomicInteger();

    Counted(boolean isLate) {
      this.isLate = isLate;
    }

    boolean hasToBeAsked() {
      return isLate && regions.get() > 0;
    }
  }

  DeviceArrivals(DeviceExports exports) {
    this.exports = exports;
  }

  /**
   * Asks the driver about a device, memory of which is going to be registered. It is not counted
   * before {@link #began}.
   */
  void ask(MemoryKind.Device kind) {
    if (!known.containsKey(kind)) {
      var _ = known.putIfAbsent(kind, new Counted(isLate(kind)));
    }
  }

  private boolean isLate(MemoryKind.Device kind) {
    if (exports.seesWritesInOrder(kind.ordinal())) {
      return false;
    }
    if (exports.canFlush(kind.ordinal())) {
      return true;
    }
    unordered.warn(
        kind.location()
            + " may see what arrives over RDMA late, as its driver says, which has no call that"
            + " waits for it. MC_TE_FILTERS leaves out network cards, and TCP takes their place");
    return false;
  }

  /** Regions are registered at the cards, and peers learn of them after this. */
  void began(List<Region> regions) {
    for (Region region : regions) {
      count(region, 1);
    }
  }

  /** A region is registered at no card any more. Takes no memory. */
  void ended(Region region) {
    count(region, -1);
  }

  private void count(Region region, int change) {
    if (region.kind() instanceof MemoryKind.Device kind) {
      Counted of = known.get(kind);
      if (of != null && of.isLate) {
        int _ = of.regions.addAndGet(change);
        int _ = lateRegions.addAndGet(change);
      }
    }
  }

  /** So many requests of a task are complete; bytes that were read are seen by their device. */
  void settle(TransferTask task, int requests, long bytes) {
    TransferException failure = null;
    if (lateRegions.get() > 0 && task.operation() == Operation.READ) {
      failure = flush(task.pairs());
    }
    if (failure == null) {
      task.completed(requests, bytes);
      return;
    }
    if (requests > 1) {
      task.orphaned(requests - 1);
    }
    task.failed(failure, FailureCause.LOCAL);
  }

  private @Nullable TransferException flush(MemoryPairs pairs) {
    try {
      for (MemoryPairs.Pair each : pairs.pairs()) {
        if (each.local() instanceof MemoryKind.Device kind) {
          flushIfLate(kind, known.get(kind));
        }
      }
      return null;
    } catch (TransferException e) {
      return e;
    } catch (Throwable t) {
      Anyway.failed(log, "Waiting for what a network card has written to a device", t);
      return notFlushed;
    }
  }

  /**
   * All that has arrived so far is seen by its device when this returns. Devices of which nothing
   * is registered any more are left alone.
   *
   * @throws TransferException if the driver refuses
   */
  void flushAll() {
    if (lateRegions.get() > 0) {
      for (Map.Entry<MemoryKind.Device, Counted> each : known.entrySet()) {
        flushIfLate(each.getKey(), each.getValue());
      }
    }
  }

  private void flushIfLate(MemoryKind.Device kind, @Nullable Counted of) {
    if (of != null && of.hasToBeAsked()) {
      exports.flush(kind.ordinal());
    }
  }
}
