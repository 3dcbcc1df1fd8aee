// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.Device;
import io.transferengine.device.SharedAllocation;
import io.transferengine.logging.Anyway;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Memory of devices of one engine that is open here (ADR 50). Thread-safe.
 *
 * <p><b>The word.</b> While something is open, a word of the engine's area, of our lease, has the
 * gate up to which we have looked: whatever we have open was registered after that had become the
 * open one. Who takes memory back waits until the word is 0 or has a later gate. It is set before
 * anything is opened, while a slot says that we copy; {@link #look} moves it on.
 */
final class PeerImports {
  private static final Logger log = LoggerFactory.getLogger(PeerImports.class);

  private static final String CLOSING = "Closing memory of a device of another process";

  /** What could not be opened is tried again after that. */
  private static final long AGAIN_NANOS = TimeUnit.MINUTES.toNanos(1);

  /** Allocations that could not be opened and are remembered. */
  private static final int REFUSED_LIMIT = 256;

  private record Key(Device device, SharedAllocation shared) {}

  /** An allocation, as one of our devices reaches it. */
  static final class Import {
    private final Key key;
    private final boolean isOpened;

    /** Set before anybody sees it. */
    private long address;

    // Guarded by the imports.
    private final Set<Long> fences = new HashSet<>();
    private int uses;
    private long used;
    private boolean isOver;
    private boolean hasFailed;

    private Import(Key key, boolean isOpened) {
      this.key = key;
      this.isOpened = isOpened;
    }

    /** {@return where a range begins here} */
    long here(long theirs) {
      return address + (theirs - key.shared.base());
    }
  }

  private record Refusal(String why, long nanos) {}

  private final PeerMap area;
  private final ImportRoom room;
  private final EngineMetrics metrics;
  private final Runnable wake;

  // Guarded by this.
  private final Map<Key, Import> open = new HashMap<>();
  private final List<Import> closing = new ArrayList<>();
  private final Map<Key, Refusal> refusals = new HashMap<>();
  private long wordAt;
  private long looked;
  private long uses;
  private boolean wakes;
  private boolean ended;

  /**
   * None yet.
   *
   * @param wake has somebody {@link #look}, now and then
   */
  PeerImports(PeerMap area, ImportRoom room, EngineMetrics metrics, Runnable wake) {
    this.wake = wake;
    this.area = area;
    this.room = room;
    this.metrics = metrics;
  }

  /**
   * {@return an allocation that stays open until it is released} A slot says that we copy, and that
   * gate was the open one behind it: the registration does not end before that is cleared.
   *
   * @param word where the word of our lease is
   * @param fence the number of the registration
   * @throws TransferException if it cannot be opened
   */
  Import acquire(Device ours, SharedAllocation theirs, long fence, long word, Gate gate) {
    Import acquired = acquireNow(new Key(ours, theirs), fence, word, gate);
    if (isFirst()) {
      // Without our lock: it takes its own.
      wake.run();
    }
    return acquired;
  }

  private synchronized boolean isFirst() {
    boolean was = wakes;
    wakes = false;
    return was;
  }

  private synchronized Import acquireNow(Key key, long fence, long word, Gate gate) {
    Import known = open.get(key);
    if (known == null) {
      known = key.device.isOwn(key.shared) ? own(key) : opened(key, word, gate);
    }
    if (known.isOpened) {
      var _ = known.fences.add(fence);
      known.used = uses++;
    }
    known.uses++;
    return known;
  }

  /** Of this process: it lies where it lies. */
  private static Import own(Key key) {
    Import made = new Import(key, false);
    made.address = key.shared.base();
    return made;
  }

  private Import opened(Key key, long word, Gate gate) {
    Refusal before = refusals.get(key);
    if (before != null && System.nanoTime() - before.nanos < AGAIN_NANOS) {
      throw LocalFaults.notOpened(before.why);
    }
    if (ended || (wordAt != 0 && wordAt != word)) {
      throw LocalFaults.notOpened("this engine is closing, or has another lease");
    }
    Import made = new Import(key, true);
    if (!room.take() && !(closesOldest() && room.take())) {
      throw LocalFaults.notOpened("as many allocations are open as may be");
    }
    boolean isOpen = false;
    try {
      // Its place first: then nothing needs memory once it is open.
      open.put(key, made);
      if (wordAt == 0) {
        wordAt = word;
        looked = gate.address();
        area.mark(word, looked);
        wakes = true;
      }
      made.address = key.device.openShared(key.shared);
      isOpen = true;
    } catch (TransferException e) {
      refuse(key, String.valueOf(e.getMessage()));
      throw e;
    } finally {
      if (!isOpen) {
        var _ = open.remove(key, made);
        room.give();
        clearIfNone();
      }
    }
    metrics.increment(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED);
    return made;
  }

  private void refuse(Key key, String why) {
    if (refusals.size() >= REFUSED_LIMIT) {
      refusals.clear();
    }
    refusals.put(key, new Refusal(why, System.nanoTime()));
    metrics.increment(Counter.LOCAL_DEVICE_ALLOCATIONS_REFUSED);
  }

  /** {@return whether one was closed that nobody uses} */
  private boolean closesOldest() {
    @Nullable Import oldest = null;
    for (Import each : open.values()) {
      if (each.uses == 0 && (oldest == null || each.used - oldest.used < 0)) {
        oldest = each;
      }
    }
    return oldest != null && isClosed(oldest) && open.remove(oldest.key, oldest);
  }

  /** A copy is over. */
  synchronized void release(Import used) {
    used.uses--;
    if (ended && used.uses == 0 && used.isOver) {
      closeAllUnused();
    }
  }

  /** {@return whether it was closed} Otherwise it is tried again. */
  private boolean isClosed(Import unused) {
    try {
      unused.key.device.closeShared(unused.address);
    } catch (Throwable t) {
      if (!unused.key.device.isLost()) {
        if (!unused.hasFailed) {
          unused.hasFailed = true;
          Anyway.failed(log, CLOSING, t);
        }
        return false;
      }
      // Nothing of the device's can be reached any more, nor closed.
    }
    room.give();
    return true;
  }

  /** Closes what is no longer registered, and says so. */
  synchronized void look() {
    if (open.isEmpty() && closing.isEmpty()) {
      return;
    }
    // In this order: what is found registered stays so for whoever passes that gate.
    long gate = area.word(AreaLayout.GATE_AT);
    if (gate == looked && closing.isEmpty()) {
      return;
    }
    for (Import each : List.copyOf(open.values())) {
      each.fences.removeIf(fence -> area.word(AreaLayout.entryAt(fence)) != fence);
      if (each.fences.isEmpty() || !area.isThere()) {
        closing.add(each);
        var _ = open.remove(each.key, each);
      }
    }
    closing.removeIf(each -> each.uses == 0 && isClosed(each));
    if (closing.isEmpty() && !open.isEmpty()) {
      looked = gate;
      area.mark(wordAt, gate);
    }
    clearIfNone();
  }

  private void clearIfNone() {
    if (open.isEmpty() && closing.isEmpty() && wordAt != 0) {
      area.clear(wordAt);
      wordAt = 0;
      looked = 0;
    }
  }

  /** {@return how many are open} */
  synchronized int count() {
    return open.size() + closing.size();
  }

  /** Closes all; one that is still used, when it is released. */
  synchronized void end() {
    ended = true;
    for (Import each : open.values()) {
      each.isOver = true;
    }
    for (Import each : closing) {
      each.isOver = true;
    }
    closeAllUnused();
  }

  private void closeAllUnused() {
    open.values().removeIf(each -> each.uses == 0 && isClosed(each));
    closing.removeIf(each -> each.uses == 0 && isClosed(each));
    try {
      clearIfNone();
    } catch (IllegalStateException closed) {
      // The engine has ended, and its area is not mapped any more: nobody reads it.
    }
  }
}
