// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.logging.Printable;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.WaitingThreads;
import io.transferengine.os.Processes;
import io.transferengine.os.SharedMapping;
import io.transferengine.wire.HostDescriptor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pools of one engine that are mapped here, so that they are copied without a call. A pool is
 * mapped by a thread of its own, since a look into a process may take long; until then, and where
 * it is not possible, calls do. Thread-safe.
 */
final class PeerPools {
  private static final Logger log = LoggerFactory.getLogger(PeerPools.class);

  /**
   * Pools of one engine, which an engine has no more of as a rule. A power of two. Of two pools in
   * one place the first is mapped.
   */
  private static final int PLACES = 256;

  private final String peer;
  private final HostDescriptor host;
  private final long incarnation;
  private final PeerMap area;
  private final PeerAreas areas;
  private final Processes processes;
  private final PoolRoom room;
  private final EngineMetrics metrics;

  private final AtomicReferenceArray<@Nullable PoolMap> places = new AtomicReferenceArray<>(PLACES);
  private final AtomicBoolean mapping = new AtomicBoolean();
  private final AtomicBoolean askedForLife = new AtomicBoolean();

  /** Set before the first pool is in its place; another takes it over once. */
  private volatile Processes.@Nullable Watch watch;

  // Guarded by this.
  private boolean ended;

  /**
   * None yet.
   *
   * @param area that of the engine, as we have mapped it
   */
  PeerPools(
      String peer,
      HostDescriptor host,
      long incarnation,
      PeerMap area,
      PeerAreas areas,
      Processes processes,
      PoolRoom room,
      EngineMetrics metrics) {
    this.peer = peer;
    this.host = host;
    this.incarnation = incarnation;
    this.area = area;
    this.areas = areas;
    this.processes = processes;
    this.room = room;
    this.metrics = metrics;
  }

  private static int place(long fence) {
    return (int) fence & (PLACES - 1);
  }

  /** {@return a pool, if it is mapped now; it may be soon} Waits for nothing. */
  @Nullable PoolMap of(Gate.Entry pool) {
    PoolMap known = places.get(place(pool.fence()));
    if (known != null && known.fence() == pool.fence()) {
      return known.isOpen() ? known : null;
    }
    if (pool.descriptor() >= 0 && (known == null || isOver(known))) {
      begin(pool);
    }
    return null;
  }

  /** {@return whether the pool with the entry of a number is mapped now} */
  boolean isMapped(long fence) {
    PoolMap known = places.get(place(fence));
    return known != null && known.fence() == fence && known.isOpen();
  }

  /** {@return whether the pool has ended} */
  private boolean isOver(PoolMap known) {
    return area.word(AreaLayout.entryAt(known.fence())) != known.fence();
  }

  /** One at a time. The next copy asks again. */
  private void begin(Gate.Entry pool) {
    if (!mapping.compareAndSet(false, true)) {
      return;
    }
    try {
      var _ = WaitingThreads.start("te-local-pool", () -> run(pool));
    } catch (Throwable notNow) {
      mapping.set(false);
    }
  }

  private void run(Gate.Entry pool) {
    try {
      map(pool);
    } catch (Throwable t) {
      boolean _ = isPut(new PoolMap(pool, null));
      metrics.increment(Counter.LOCAL_POOLS_NOT_MAPPED);
      log.info(
          "Managed memory of {} cannot be mapped, and is copied with system calls: {}",
          Printable.of(peer, 300),
          Printable.of(String.valueOf(t.getMessage()), 1000));
    } finally {
      mapping.set(false);
    }
  }

  /** If it cannot be, it is not tried again for this pool. */
  void map(Gate.Entry pool) {
    boolean hasRoom = room.take(pool.length());
    SharedMapping made = null;
    boolean isKept = false;
    try {
      made = hasRoom ? mapped(pool) : null;
      isKept = isPut(new PoolMap(pool, made)) && made != null;
      metrics.increment(isKept ? Counter.LOCAL_POOLS_MAPPED : Counter.LOCAL_POOLS_NOT_MAPPED);
    } finally {
      if (!isKept) {
        if (made != null) {
          made.close();
        }
        if (hasRoom) {
          room.give(pool.length());
        }
      }
    }
  }

  private @Nullable SharedMapping mapped(Gate.Entry pool) {
    if (!isWatched()) {
      return null;
    }
    askForLife();
    SharedMapping made = areas.mapPool(peer, host, pool);
    // It has been there all the time, so what was mapped is of it: its number is not used again.
    if (area.word(AreaLayout.entryAt(pool.fence())) == pool.fence()) {
      return made;
    }
    made.close();
    return null;
  }

  /** {@return whether {@link #hasEnded} can tell} Begins to watch. */
  synchronized boolean isWatched() {
    if (watch == null && !ended) {
      watch = processes.watch(host.pid(), host.start()).orElse(null);
    }
    return watch != null;
  }

  /** Once. Without the lock: a look into a process may take long. */
  private void askForLife() {
    Processes.Watch known = watch;
    if (known == null || !askedForLife.compareAndSet(false, true)) {
      return;
    }
    Processes.Watch made;
    try {
      made = areas.withLife(host, incarnation, area, known);
    } catch (Throwable t) {
      return; // No memory, say. The kernel can be asked.
    }
    synchronized (this) {
      if (!ended) {
        watch = made;
        return;
      }
    }
    made.close();
  }

  private synchronized boolean isPut(PoolMap made) {
    int place = place(made.fence());
    PoolMap old = places.get(place);
    if (ended || (old != null && !isOver(old))) {
      return false;
    }
    places.set(place, made);
    if (old != null) {
      close(old);
    }
    return true;
  }

  private void close(PoolMap old) {
    if (old.isOpen()) {
      long bytes = old.bytes();
      old.close();
      room.give(bytes);
    }
  }

  /** {@return whether the process has ended, and with it the memory that we have copied to} */
  boolean hasEnded() {
    Processes.Watch known = watch;
    return known == null || known.hasEnded();
  }

  /** Ends the mappings of pools that have ended. */
  synchronized void endOld() {
    for (int i = 0; i < PLACES; i++) {
      PoolMap each = places.get(i);
      if (each != null && isOver(each)) {
        places.set(i, null);
        close(each);
      }
    }
  }

  /** Ends all. */
  synchronized void end() {
    ended = true;
    for (int i = 0; i < PLACES; i++) {
      PoolMap each = places.get(i);
      if (each != null) {
        close(each);
        places.set(i, null);
      }
    }
    Processes.Watch known = watch;
    if (known != null) {
      known.close();
    }
  }
}
