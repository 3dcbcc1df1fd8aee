// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import io.transferengine.device.DeviceExports;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.WarnLimiter;
import io.transferengine.memory.MemoryKind;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.TransferTask;
import java.util.HashSet;
import java.util.Set;
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
 *
 * <p>Thread-safe.
 */
final class DeviceArrivals {
  private static final Logger log = LoggerFactory.getLogger(DeviceArrivals.class);

  private final DeviceExports exports;
  private final WarnLimiter unordered = new WarnLimiter(log);

  /** Made in advance: there may be no memory for it when it is needed. */
  private final TransferException notFlushed = WorkErrors.localFault();

  /** Those that have had memory here, and have to be asked. Replaced, not changed. */
  private volatile Set<MemoryKind.Device> asked = Set.of();

  DeviceArrivals(DeviceExports exports) {
    this.exports = exports;
  }

  /** Memory of a device is going to be registered. */
  void expect(MemoryKind.Device kind) {
    if (asked.contains(kind) || exports.seesWritesInOrder(kind.ordinal())) {
      return;
    }
    if (!exports.canFlush(kind.ordinal())) {
      unordered.warn(
          kind.location()
              + " may see what arrives over RDMA late, as its driver says, which has no call that"
              + " waits for it. MC_TE_FILTERS leaves out network cards, and TCP takes their place");
      return;
    }
    synchronized (this) {
      Set<MemoryKind.Device> more = new HashSet<>(asked);
      more.add(kind);
      asked = Set.copyOf(more);
    }
  }

  /** So many requests of a task are complete; bytes that were read are seen by their device. */
  void settle(TransferTask task, int requests, long bytes) {
    TransferException failure = null;
    if (!asked.isEmpty() && task.operation() == Operation.READ) {
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
        if (each.local() instanceof MemoryKind.Device kind && asked.contains(kind)) {
          exports.flush(kind.ordinal());
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
   * All that has arrived so far is seen by its device when this returns.
   *
   * @throws TransferException if the driver refuses
   */
  void flushAll() {
    for (MemoryKind.Device each : asked) {
      exports.flush(each.ordinal());
    }
  }
}
