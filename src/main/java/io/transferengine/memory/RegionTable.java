// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * All registered ranges; says which one of them covers a given range.
 *
 * <p>Ranges never overlap, so the one that can cover an address is the one with the greatest base
 * not above it: a binary search over the sorted bases. Lookups run for every block of every
 * transfer, changes are rare, hence every change makes a new immutable snapshot and a lookup reads
 * one volatile field, takes no lock and allocates nothing.
 *
 * <p>Thread-safe.
 */
public final class RegionTable {
  /**
   * As many ranges as can be registered at once. A change copies 16 bytes for each of them, and the
   * published record has an entry for each: at a million the copy is 16 MiB and a peer's JSON
   * reader has long given up. Many small buffers belong into few large registrations.
   */
  public static final int REGISTRATION_LIMIT = 1_048_576;

  private static final Region[] NONE = new Region[0];

  private volatile Snapshot snapshot = new Snapshot(new long[0], NONE);

  /** Guarded by this: changes are made one after the other. */
  private long nextSequence;

  /** Parallel columns, sorted by base; never changed once published. */
  private static final class Snapshot {
    final long[] bases;
    final Region[] regions;

    Snapshot(long[] bases, Region[] regions) {
      this.bases = bases;
      this.regions = regions;
    }

    /** Takes a run of another one over; while this one is being made. */
    void copy(Snapshot of, int from, int until, int to) {
      System.arraycopy(of.bases, from, bases, to, until - from);
      System.arraycopy(of.regions, from, regions, to, until - from);
    }
  }

  /** An empty table. */
  public RegionTable() {}

  /**
   * Adds one range.
   *
   * @param address of the first byte, above 0
   * @param length in bytes, above 0
   * @param location where the memory is: {@code cpu:0}, {@code *}, {@code cuda:3}
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT} for what is no range, {@link
   *     ErrorCode#ADDRESS_OVERLAPPED} when a byte of it is registered already, {@link
   *     ErrorCode#TOO_MANY_REQUESTS} when the table is full
   */
  public Region register(long address, long length, String location) {
    return registerAll(new long[] {address}, new long[] {length}, location).getFirst();
  }

  /** As above, for a range of which only those parts may be used that {@code blocks} admits. */
  public Region register(long address, long length, String location, LiveBlocks blocks) {
    return addAll(new long[] {address}, new long[] {length}, location, blocks).getFirst();
  }

  /**
   * Adds all of the ranges or, when one of them is refused, none. One copy of the table, however
   * many they are.
   *
   * @return the regions in the order of the arguments, which is their order of registration
   * @throws TransferException as {@link #register}, also for columns of unequal length
   */
  public List<Region> registerAll(long[] addresses, long[] lengths, String location) {
    return addAll(addresses, lengths, location, null);
  }

  private List<Region> addAll(
      long[] addresses, long[] lengths, String location, @Nullable LiveBlocks blocks) {
    if (addresses.length != lengths.length) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          addresses.length + " addresses but " + lengths.length + " lengths",
          "Give one length for each address.");
    }
    for (int i = 0; i < addresses.length; i++) {
      Ranges.requireValid(addresses[i], lengths[i]);
    }
    synchronized (this) {
      requireRoom(addresses.length);
      Region[] added = new Region[addresses.length];
      for (int i = 0; i < added.length; i++) {
        added[i] = new Region(addresses[i], lengths[i], location, nextSequence + i, blocks);
      }
      snapshot = merge(snapshot, sortedByAddress(added));
      nextSequence += added.length;
      return List.of(added);
    }
  }

  private void requireRoom(int addedCount) {
    int count = size();
    if (addedCount > REGISTRATION_LIMIT - count) {
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          count + " registrations and " + addedCount + " more exceed " + REGISTRATION_LIMIT,
          "Register fewer, larger ranges.");
    }
  }

  private static Region[] sortedByAddress(Region[] regions) {
    Region[] sorted = regions.clone();
    Arrays.sort(sorted, Comparator.comparingLong(Region::address));
    return sorted;
  }

  /** Merges two sorted lists; neighbours in the result that overlap are refused. */
  private static Snapshot merge(Snapshot old, Region[] added) {
    int count = old.regions.length + added.length;
    Snapshot merged = new Snapshot(new long[count], new Region[count]);
    int taken = 0;
    for (int i = 0; i < added.length; i++) {
      int until = Math.max(taken, SortedAddresses.floorIndex(old.bases, added[i].address()) + 1);
      merged.copy(old, taken, until, taken + i);
      taken = until;
      merged.bases[taken + i] = added[i].address();
      merged.regions[taken + i] = added[i];
      requireNoOverlap(merged, taken + i);
      if (taken < old.regions.length && old.bases[taken] < added[i].end()) {
        throw overlap(added[i], old.regions[taken]);
      }
    }
    merged.copy(old, taken, old.regions.length, taken + added.length);
    return merged;
  }

  private static void requireNoOverlap(Snapshot merged, int index) {
    Region one = merged.regions[index];
    if (index > 0 && merged.regions[index - 1].end() > one.address()) {
      throw overlap(merged.regions[index - 1], one);
    }
  }

  /** The younger one of the two is the one that is refused. */
  private static TransferException overlap(Region one, Region two) {
    Region refused = one.sequence() > two.sequence() ? one : two;
    Region present = refused == one ? two : one;
    return new TransferException(
        ErrorCode.ADDRESS_OVERLAPPED,
        "Memory "
            + Ranges.text(refused.address(), refused.length())
            + " overlaps the registration "
            + Ranges.text(present.address(), present.length())
            + (present.isRefused() ? ", which is being unregistered" : ""),
        "Unregister that one first, or register each byte once.");
  }

  /**
   * {@return the region that holds all of the range and takes new uses, or null} Two regions back
   * to back are two regions: a range across their seam is in neither.
   */
  public @Nullable Region find(long address, long length) {
    Snapshot now = snapshot;
    int index = SortedAddresses.floorIndex(now.bases, address);
    if (index < 0) {
      return null;
    }
    Region region = now.regions[index];
    return region.covers(address, length) && !region.isRefused() ? region : null;
  }

  /** {@return the region whose first byte is at {@code address}, refused or not, or null} */
  public @Nullable Region byAddress(long address) {
    Snapshot now = snapshot;
    int index = Arrays.binarySearch(now.bases, address);
    return index >= 0 ? now.regions[index] : null;
  }

  /**
   * Takes regions out; their ranges may be registered anew. Passes over those that are not in the
   * table (any more). One copy of the table, however many they are. That nothing is in flight is
   * the caller's business.
   */
  public synchronized void removeAll(List<Region> gone) {
    Snapshot old = snapshot;
    int[] places =
        gone.stream().mapToInt(region -> placeOf(old, region)).filter(i -> i >= 0).toArray();
    Arrays.sort(places);
    int leaving = 0;
    for (int i = 0; i < places.length; i++) {
      if (i == 0 || places[i] != places[i - 1]) {
        places[leaving++] = places[i];
      }
    }
    int count = old.regions.length - leaving;
    Snapshot left = new Snapshot(new long[count], new Region[count]);
    int from = 0;
    for (int i = 0; i < leaving; i++) {
      left.copy(old, from, places[i], from - i);
      from = places[i] + 1;
    }
    left.copy(old, from, old.regions.length, from - leaving);
    snapshot = left;
  }

  /** {@return where it is in the table; -1 when it is not} */
  private static int placeOf(Snapshot table, Region region) {
    int index = Arrays.binarySearch(table.bases, region.address());
    return index >= 0 && table.regions[index] == region ? index : -1;
  }

  /** Takes {@code region} out, as {@link #removeAll}. */
  public void remove(Region region) {
    removeAll(List.of(region));
  }

  /** {@return all regions in order of registration, refused ones included; a snapshot} */
  public List<Region> inOrder() {
    Region[] regions = snapshot.regions.clone();
    Arrays.sort(regions, Comparator.comparingLong(Region::sequence));
    return List.of(regions);
  }

  /** {@return the number of regions} */
  public int size() {
    return snapshot.regions.length;
  }
}
