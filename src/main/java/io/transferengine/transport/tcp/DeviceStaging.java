// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.device.Device;
import io.transferengine.device.Devices;
import io.transferengine.device.PinnedSlots;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.Failures;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.Queues;
import io.transferengine.transport.TransferTask;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The slots that the memory of devices passes through on its way over TCP, and the tasks that wait
 * for one. Opened by the first registration of such memory: an engine that has none loads no driver
 * and pins nothing. Thread-safe.
 */
final class DeviceStaging implements StagedTask.Staging, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(DeviceStaging.class);

  private final Devices devices;
  private final EngineMetrics metrics;
  private final int slotsForPeers;
  private final int ownSlots;

  /** What the device is known to have. A copy of anything else could cost it its context. */
  private final Set<Region> ready = ConcurrentHashMap.newKeySet();

  // Guarded by this.
  private final ArrayDeque<StagedTask> waiting = new ArrayDeque<>();
  private @Nullable PinnedSlots slots;
  private @Nullable TargetSlots targetSlots;
  private boolean closed;
  private boolean waking;

  /**
   * @param bytes the memory of all slots: half of them are for peers
   */
  DeviceStaging(Devices devices, EngineMetrics metrics, long bytes) {
    this.devices = devices;
    this.metrics = metrics;
    int all = Math.toIntExact(bytes / PinnedSlots.SLOT_BYTES);
    slotsForPeers = all / 2;
    ownSlots = all - slotsForPeers;
  }

  /** {@return whether bytes of such memory can be moved from here} */
  boolean moves(MemoryKind kind) {
    return Devices.isKnown(kind) && devices.absence().isEmpty();
  }

  /** {@return why no bytes of such memory can be moved from here; empty if that is not known} */
  Optional<TransferException> whyNotMoved(MemoryKind kind) {
    return Devices.isKnown(kind)
        ? devices
            .absence()
            .map(
                why ->
                    new TransferException(
                        ErrorCode.INVALID_ARGUMENT,
                        kind + " cannot be moved over TCP: " + why.getMessage(),
                        "Or use a transport that moves it",
                        why))
        : Optional.empty();
  }

  /** {@return whether some of our side of a task is a device's memory} */
  @SuppressWarnings("ReferenceEquality") // that of nearly all tasks, without a look at it
  static boolean isNeeded(TransferTask task) {
    MemoryPairs pairs = task.pairs();
    return pairs != MemoryPairs.hostOnly()
        && pairs.pairs().stream().anyMatch(pair -> !pair.local().isHost());
  }

  /**
   * Makes ready for ranges of devices' memory, among others: for all or none.
   *
   * @throws TransferException if one of them is not what its location says, or cannot be staged
   */
  void register(List<Region> regions) {
    try {
      for (Region region : regions) {
        if (!region.kind().isHost() && moves(region.kind())) {
          Device device = devices.of(region.kind());
          device.require(region.address(), region.length());
          open(device);
          var _ = ready.add(region);
        }
      }
    } catch (Throwable t) {
      unregister(regions);
      throw t;
    }
  }

  /** Ends {@link #register}; nothing is under way there. */
  void unregister(List<Region> regions) {
    if (!ready.isEmpty()) {
      regions.forEach(ready::remove);
    }
  }

  private synchronized void open(Device device) {
    if (closed) {
      throw new TransferException(ErrorCode.CLOSED, "The TCP transport is not running", "");
    }
    if (slots == null) {
      slots = new PinnedSlots(device, ownSlots);
    }
    if (targetSlots == null) {
      targetSlots = new TargetSlots(device, slotsForPeers, metrics);
    }
  }

  /** {@return whether bytes of a range are moved for peers} */
  boolean isReady(Region region) {
    return ready.contains(region);
  }

  /** {@return the slots for peers' requests for a region that {@link #isReady}} */
  synchronized TargetSlots targetSlots() {
    TargetSlots there = targetSlots;
    if (there == null) {
      throw new TransferException(ErrorCode.CLOSED, "There are no slots for device memory", "");
    }
    return there;
  }

  @Override
  public int roundsLimit() {
    return ownSlots / 2;
  }

  @Override
  public Device device(Region region) {
    if (!ready.contains(region)) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          region + " was registered without TCP, which could not be made ready for it",
          "The log says why; use a transport that moves it");
    }
    return devices.of(region.kind());
  }

  @Override
  public synchronized long takeFor(StagedTask task) {
    PinnedSlots there = slots;
    long slot = there == null || closed ? 0 : there.take();
    if (slot == 0) {
      if (there == null || closed) {
        throw new TransferException(ErrorCode.CLOSED, "There are no slots for device memory", "");
      }
      if (!waiting.contains(task)) {
        Queues.addLast(waiting, task);
      }
    }
    return slot;
  }

  @Override
  public void giveBack(long slot) {
    try {
      synchronized (this) {
        if (slots != null) {
          slots.giveBack(slot);
        }
      }
      wakeWaiting();
    } catch (Throwable t) {
      Anyway.failed(log, "Giving a slot back", t);
    }
  }

  /** One after another, on one thread: a task that fails at once may give its slot back in here. */
  private void wakeWaiting() {
    synchronized (this) {
      if (waking) {
        return;
      }
      waking = true;
    }
    StagedTask next = nextToWake();
    while (next != null) {
      try {
        next.pump();
      } catch (Throwable t) {
        // The others that wait are to be woken all the same.
        Anyway.failed(log, "Going on with a transfer of device memory", t);
      }
      next = nextToWake();
    }
  }

  private synchronized @Nullable StagedTask nextToWake() {
    boolean free = slots != null && slots.free() > 0;
    StagedTask next = free ? waiting.poll() : null;
    waking = next != null;
    return next;
  }

  /** {@return how many slots are in use} */
  synchronized int taken() {
    return (slots == null ? 0 : slots.taken()) + (targetSlots == null ? 0 : targetSlots.taken());
  }

  /** Nothing is under way any more. Idempotent. */
  @Override
  public void close() {
    PinnedSlots there;
    TargetSlots thereForPeers;
    synchronized (this) {
      closed = true;
      waiting.clear();
      there = slots;
      thereForPeers = targetSlots;
    }
    Failures failures = new Failures();
    // First: what is copied has slots, and their memory is unpinned next.
    failures.attempt(devices::drain);
    if (there != null) {
      failures.attempt(there::close);
    }
    if (thereForPeers != null) {
      failures.attempt(thereForPeers::close);
    }
    failures.throwIfAny();
  }
}
