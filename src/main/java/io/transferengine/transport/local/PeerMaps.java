// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.logging.Anyway;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.net.WaitingThreads;
import io.transferengine.os.Processes;
import io.transferengine.os.SharedMapping;
import io.transferengine.wire.HostDescriptor;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Areas of other engines that are mapped here, each once. While there are any, a thread looks now
 * and then which engines have ended, and ends their mappings. Thread-safe.
 */
final class PeerMaps {
  private static final Logger log = LoggerFactory.getLogger(PeerMaps.class);

  private static final String LOOK = "Looking which engines on this machine have ended";

  /** Looked so often, a mapping keeps memory of an engine that has ended for less than 10 s. */
  private static final long LOOK_MILLIS = TimeUnit.SECONDS.toMillis(5);

  /** The same while memory of devices is open, for which who takes it back waits. */
  private static final long IMPORTS_LOOK_MILLIS = 20;

  /** By what is proved: who tells of an engine may tell what it likes. */
  private record Owner(int pid, long start, long area, long incarnation) {}

  private record Mapped(
      Owner owner, SharedMapping mapping, PeerMap map, PeerPools pools, PeerImports imports) {}

  private final PeerAreas areas;
  private final Processes processes;
  private final EngineMetrics metrics;
  private final Consumer<PeerMap> whenOver;
  private final PoolRoom room = new PoolRoom();
  private final ImportRoom importRoom = new ImportRoom(ImportRoom.LIMIT);

  /** Made before they are needed: a lambda takes memory. */
  private final Runnable look = this::look;

  private final Runnable step = this::endThoseOfTheDead;

  private final Runnable importsStep = this::lookAtImports;
  private final Runnable wake = this::wake;

  // Guarded by this.
  private final Map<Owner, Mapped> maps = new HashMap<>();
  private boolean looking;
  private boolean ended;

  /**
   * None yet.
   *
   * @param whenOver told of the area of an engine that has ended, before its mapping is ended;
   *     again, should it throw
   */
  PeerMaps(
      PeerAreas areas, Processes processes, EngineMetrics metrics, Consumer<PeerMap> whenOver) {
    this.metrics = metrics;
    this.whenOver = whenOver;
    this.areas = areas;
    this.processes = processes;
  }

  /**
   * {@return the area of an engine that has given us a lease}
   *
   * @throws io.transferengine.transfer.TransferException if it cannot be mapped
   */
  @SuppressWarnings("ReferenceEquality") // this very one, not one like it
  PeerMap of(String peer, HostDescriptor host, long incarnation) {
    Owner owner = new Owner(host.pid(), host.start(), host.area(), incarnation);
    synchronized (this) {
      Mapped known = maps.get(owner);
      if (known != null) {
        return known.map;
      }
      if (ended || maps.size() >= HeldLeases.LIMIT) {
        throw LocalFaults.noLease(peer);
      }
    }
    // Without the lock: a look into a process may take long.
    SharedMapping mapping = areas.map(peer, host, incarnation);
    boolean isKept = false;
    try {
      PeerMap map = new PeerMap(mapping.memory(), host.area());
      PeerPools pools =
          new PeerPools(peer, host, incarnation, map, areas, processes, room, metrics);
      PeerImports imports = new PeerImports(map, importRoom, metrics, wake);
      Mapped made = new Mapped(owner, mapping, map, pools, imports);
      Mapped kept = kept(peer, made);
      isKept = kept == made;
      return kept.map;
    } finally {
      if (!isKept) {
        mapping.close();
      }
    }
  }

  /** {@return the one that another thread has made meanwhile, or this} */
  private synchronized Mapped kept(String peer, Mapped made) {
    Mapped known = maps.get(made.owner);
    if (known != null) {
      return known;
    }
    if (ended || maps.size() >= HeldLeases.LIMIT) {
      throw LocalFaults.noLease(peer);
    }
    if (!looking) {
      var _ = WaitingThreads.start("te-local-maps", look);
      looking = true;
    }
    maps.put(made.owner, made);
    return made;
  }

  /** While there are any. */
  private void look() {
    try {
      long nextLook = System.nanoTime();
      while (isNeeded()) {
        Anyway.run(log, LOOK, importsStep);
        if (nextLook - System.nanoTime() <= 0) {
          Anyway.run(log, LOOK, step);
          nextLook = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(LOOK_MILLIS);
        }
      }
    } catch (Throwable t) {
      isLost();
      throw t;
    }
  }

  /** The thread has ended by what it threw: the next mapping starts another. */
  private synchronized void isLost() {
    looking = false;
  }

  @SuppressWarnings("WaitNotInLoop") // The loop is the caller's; to look too soon does no harm.
  private synchronized boolean isNeeded() {
    try {
      if (!ended) {
        wait(importRoom.taken() > 0 ? IMPORTS_LOOK_MILLIS : LOOK_MILLIS);
      }
    } catch (InterruptedException e) {
      // Nobody does that; then it looks at once.
    }
    looking = !ended && !maps.isEmpty();
    return looking;
  }

  /** Something is open now. */
  private synchronized void wake() {
    notifyAll();
  }

  private void lookAtImports() {
    if (importRoom.taken() == 0) {
      return;
    }
    List<Mapped> all;
    synchronized (this) {
      all = List.copyOf(maps.values());
    }
    for (Mapped each : all) {
      try {
        each.imports.look();
      } catch (IllegalStateException closed) {
        // We have ended it meanwhile.
      }
    }
  }

  void endThoseOfTheDead() {
    List<Mapped> all;
    synchronized (this) {
      all = List.copyOf(maps.values());
    }
    for (Mapped each : all) {
      if (hasEnded(each)) {
        whenOver.accept(each.map);
        end(each);
      } else {
        endOldPools(each);
      }
    }
  }

  private static void endOldPools(Mapped each) {
    try {
      each.pools.endOld();
    } catch (IllegalStateException closed) {
      // We have ended it meanwhile.
    }
  }

  private boolean hasEnded(Mapped each) {
    try {
      return !each.map.isThere() || processes.hasEnded(each.owner.pid, each.owner.start);
    } catch (IllegalStateException closed) {
      return true; // We have ended it meanwhile.
    }
  }

  private synchronized void end(Mapped each) {
    // Whoever is in the middle of a copy from it is waited for by the mapping.
    if (maps.remove(each.owner, each)) {
      each.imports.end();
      each.pools.end();
      each.mapping.close();
    }
  }

  /** {@return the pools of an engine; null if its area is not mapped any more} */
  @SuppressWarnings("ReferenceEquality") // this very one, not one like it
  synchronized @Nullable PeerPools pools(PeerMap map) {
    for (Mapped each : maps.values()) {
      if (each.map == map) {
        return each.pools;
      }
    }
    return null;
  }

  /** {@return the open memory of an engine's devices; null if its area is not mapped any more} */
  @SuppressWarnings("ReferenceEquality") // this very one, not one like it
  synchronized @Nullable PeerImports imports(PeerMap map) {
    for (Mapped each : maps.values()) {
      if (each.map == map) {
        return each.imports;
      }
    }
    return null;
  }

  /** {@return how many allocations of their devices are open} */
  int imports() {
    return importRoom.taken();
  }

  /** {@return how many pools of them are mapped} */
  int pools() {
    return room.pools();
  }

  /** {@return how many there are} */
  synchronized int count() {
    return maps.size();
  }

  /** Ends all; none of our threads copies any more. */
  synchronized void end() {
    ended = true;
    notifyAll();
    for (Mapped each : List.copyOf(maps.values())) {
      end(each);
    }
  }
}
