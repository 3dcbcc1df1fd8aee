// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * Areas of this process that could not be given back when their engines closed, because a copy had
 * not ended: ours, or a peer's. It is tried again when another engine opens or closes. Thread-safe.
 */
final class LeftAreas {
  /** More stay as long as the process; each is some pages, and address space. */
  private static final int LIMIT = 16;

  /** Enough to find out that a peer has ended or is stopped. */
  private static final Duration WAIT = Duration.ofMillis(30);

  private static final List<LeftArea> LEFT = new ArrayList<>();

  private record LeftArea(HeldLeases held, PeerMaps maps, Fences fences) {
    /** Throws nothing: it is another engine that looks after it. */
    boolean isGivenBack() {
      try {
        long endNanos = System.nanoTime() + WAIT.toNanos();
        if (!held.end(endNanos)) {
          return false;
        }
        maps.end();
        fences.end(WAIT, true);
        return true;
      } catch (Throwable notYet) {
        return false; // It is still in use, or there is no memory for a step.
      }
    }
  }

  private LeftAreas() {}

  /** Remembers one. */
  static synchronized void keep(HeldLeases held, PeerMaps maps, Fences fences) {
    if (LEFT.size() < LIMIT) {
      LEFT.add(new LeftArea(held, maps, fences));
    }
  }

  /** Gives back what may go by now. */
  static synchronized void retry() {
    for (Iterator<LeftArea> each = LEFT.iterator(); each.hasNext(); ) {
      if (each.next().isGivenBack()) {
        each.remove();
      }
    }
  }
}
