// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Things that each have a range of addresses, found by an address. Ranges do not overlap.
 *
 * <p>Look-ups run for every block of every transfer, changes are rare: an index never changes, and
 * a change makes another one, by one copy of three columns however many things come or go.
 *
 * @param <T> the things
 */
public final class RangeIndex<T extends RangeIndex.Ranged> {

  /** Something that has a range; never another one. */
  public interface Ranged {
    /** {@return its first address, 0 or more} */
    long address();

    /** {@return the address after its last byte} */
    long end();
  }

  private static final RangeIndex<?> EMPTY = new RangeIndex<>(0);

  private final long[] starts;
  private final long[] ends;
  private final Object[] things;

  private RangeIndex(int size) {
    starts = new long[size];
    ends = new long[size];
    things = new Object[size];
  }

  /** {@return an index of nothing} */
  @SuppressWarnings("unchecked") // it holds nothing of any type
  public static <T extends Ranged> RangeIndex<T> empty() {
    return (RangeIndex<T>) EMPTY;
  }

  /**
   * {@return an index of these, too}
   *
   * @param added in any order
   * @param overlap makes what is thrown when two ranges have a byte in common, of which it is given
   *     the lower one first
   */
  public RangeIndex<T> with(
      List<T> added, BiFunction<? super T, ? super T, ? extends RuntimeException> overlap) {
    List<T> sorted = new ArrayList<>(added);
    sorted.sort(Comparator.comparingLong(Ranged::address));
    RangeIndex<T> merged = new RangeIndex<>(size() + sorted.size());
    int taken = 0;
    for (int i = 0; i < sorted.size(); i++) {
      T one = sorted.get(i);
      int until = Math.max(taken, SortedAddresses.floorIndex(starts, one.address()) + 1);
      merged.copy(this, taken, until, taken + i);
      taken = until;
      int place = taken + i;
      merged.put(place, one);
      if (place > 0 && merged.ends[place - 1] > one.address()) {
        throw overlap.apply(merged.get(place - 1), one);
      }
      if (taken < size() && starts[taken] < one.end()) {
        throw overlap.apply(one, get(taken));
      }
    }
    merged.copy(this, taken, size(), taken + sorted.size());
    return merged;
  }

  /** {@return an index without these; those that are not in it are passed over} */
  public RangeIndex<T> without(List<T> gone) {
    int[] places =
        gone.stream()
            .mapToInt(this::placeOf)
            .filter(place -> place >= 0)
            .sorted()
            .distinct()
            .toArray();
    RangeIndex<T> left = new RangeIndex<>(size() - places.length);
    int from = 0;
    for (int i = 0; i < places.length; i++) {
      left.copy(this, from, places[i], from - i);
      from = places[i] + 1;
    }
    left.copy(this, from, size(), from - places.length);
    return left;
  }

  private int placeOf(T thing) {
    int place = SortedAddresses.floorIndex(starts, thing.address());
    return place >= 0 && things[place] == thing ? place : -1;
  }

  private void put(int place, T thing) {
    starts[place] = thing.address();
    ends[place] = thing.end();
    things[place] = thing;
  }

  private void copy(RangeIndex<T> of, int from, int until, int to) {
    System.arraycopy(of.starts, from, starts, to, until - from);
    System.arraycopy(of.ends, from, ends, to, until - from);
    System.arraycopy(of.things, from, things, to, until - from);
  }

  /** {@return the place of the range that {@code address} lies in, or -1} */
  public int find(long address) {
    int place = SortedAddresses.floorIndex(starts, address);
    return place >= 0 && address < ends[place] ? place : -1;
  }

  /** {@return the thing whose first address this is, or null} */
  public @Nullable T startingAt(long address) {
    int place = SortedAddresses.floorIndex(starts, address);
    return place >= 0 && starts[place] == address ? get(place) : null;
  }

  /** {@return how many things there are; their places are 0 to that, in order of address} */
  public int size() {
    return things.length;
  }

  /** {@return the thing at a place} */
  @SuppressWarnings("unchecked") // only put and copy fill the column, with T
  public T get(int place) {
    return (T) things[place];
  }

  /** {@return the first address of the thing at a place} */
  public long start(int place) {
    return starts[place];
  }

  /** {@return the address after the last byte of the thing at a place} */
  public long end(int place) {
    return ends[place];
  }

  /** {@return all things in order of address; the list is the caller's} */
  public List<T> all() {
    List<T> all = new ArrayList<>(size());
    for (int i = 0; i < size(); i++) {
      all.add(get(i));
    }
    return all;
  }
}
