// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transfer.Operation;
import io.transferengine.transport.RangeTest;
import io.transferengine.transport.TransferTask;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;

/**
 * The writes to one peer that are still on a connection although their transfers have ended. Their
 * bytes may arrive any time, and must not land on those of a newer write that was told to be
 * complete. A connection keeps its order; so a write to memory where one of these may still arrive
 * is not handed to another connection.
 *
 * <p>No more than all rings of the peer hold. Guarded by the peer.
 */
final class LateWrites {
  private record Late(RequestRing ring, long position, long from, long to) {}

  private static final Comparator<Late> BY_START = new ByStart();

  private final List<Late> writes = new ArrayList<>();

  /** The ranges of all, sorted and merged; made when they are asked for. */
  private long[] starts = {};

  private long[] ends = {};
  private boolean isCurrent = true;

  /** Counts what was added: a task that was clear of all then still is when some have arrived. */
  private long additions;

  /** Additions and removals. */
  private long changes;

  boolean isEmpty() {
    return writes.isEmpty();
  }

  void add(RequestRing ring, long position, long from, long length) {
    writes.add(new Late(ring, position, from, from + length));
    additions++;
    changes++;
    isCurrent = false;
  }

  /** The target has answered it. */
  void arrived(RequestRing ring, long position) {
    removed(
        writes.removeIf(
            new Predicate<>() {
              @Override
              public boolean test(Late late) {
                return late.ring == ring && late.position == position;
              }
            }));
  }

  /** The connection has ended. */
  void gone(RequestRing ring) {
    removed(
        writes.removeIf(
            new Predicate<>() {
              @Override
              public boolean test(Late late) {
                return late.ring == ring;
              }
            }));
  }

  private void removed(boolean any) {
    if (any) {
      changes++;
      isCurrent = false;
    }
  }

  /** {@return whether requests of the task may go out on the connection that a ring is of} */
  boolean mayClaim(Object ring, TransferTask task) {
    if (writes.isEmpty() || task.operation() == Operation.READ || task.mark() == additions) {
      return true;
    }
    if (task.mark() == ~changes) {
      // Its blocks were walked since the last change, and one of them overlaps.
      return areAllOn(ring);
    }
    if (!isCurrent) {
      merge();
    }
    if (!task.anyRemote(new Overlap())) {
      task.mark(additions);
      return true;
    }
    task.mark(~changes);
    return areAllOn(ring);
  }

  private static final class ByStart implements Comparator<Late> {
    @Override
    public int compare(Late a, Late b) {
      return Long.compare(a.from, b.from);
    }
  }

  private boolean areAllOn(Object ring) {
    for (Late late : writes) {
      if (late.ring != ring) {
        return false;
      }
    }
    return true;
  }

  private final class Overlap implements RangeTest {
    @Override
    public boolean test(long from, long to) {
      int index = Arrays.binarySearch(starts, from);
      int atOrBefore = index >= 0 ? index : -index - 2;
      return (atOrBefore >= 0 && ends[atOrBefore] > from)
          || (atOrBefore + 1 < starts.length && starts[atOrBefore + 1] < to);
    }
  }

  private void merge() {
    List<Late> sorted = new ArrayList<>(writes);
    sorted.sort(BY_START);
    long[] from = new long[sorted.size()];
    long[] to = new long[sorted.size()];
    int count = 0;
    for (Late late : sorted) {
      if (count > 0 && late.from <= to[count - 1]) {
        to[count - 1] = Math.max(to[count - 1], late.to);
      } else {
        from[count] = late.from;
        to[count] = late.to;
        count++;
      }
    }
    starts = Arrays.copyOf(from, count);
    ends = Arrays.copyOf(to, count);
    isCurrent = true;
  }
}
