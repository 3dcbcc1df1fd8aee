// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import io.transferengine.access.AccessRights;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * All registered ranges. Finds the one that covers a given range.
 *
 * <p>Ranges never overlap, so the one that can cover an address is the one with the greatest base
 * not above it: a search in a {@link RangeIndex}, for which a look-up reads one volatile field,
 * takes no lock and allocates nothing.
 *
 * <p>Thread-safe.
 */
public final class RegionTable {
  /**
   * As many ranges as can be registered at once. A change copies 20 bytes for each of them, and the
   * published record has an entry for each: at a million the copy is 20 MiB and a peer's JSON
   * reader has long given up. Put many small buffers into a few large registrations.
   */
  public static final int REGISTRATION_LIMIT = 1_048_576;

  private volatile RangeIndex<Region> regions = RangeIndex.empty();

  private volatile boolean devices;

  /** Guarded by this: changes are made one after another. */
  private long nextSequence;

  /** An empty table. */
  public RegionTable() {}

  /**
   * Adds one range.
   *
   * @param address of the first byte, above 0
   * @param length in bytes, above 0
   * @param location where the memory is, as {@link MemoryKind#at} reads it
   * @throws TransferException {@link ErrorCode#INVALID_ARGUMENT} for an invalid range or location,
   *     {@link ErrorCode#ADDRESS_OVERLAPPED} when a byte of it is registered already, {@link
   *     ErrorCode#TOO_MANY_REQUESTS} when the table is full
   */
  public Region register(long address, long length, String location) {
    return registerAll(new long[] {address}, new long[] {length}, location).getFirst();
  }

  /**
   * As above, for a slab of a managed pool.
   *
   * @param source says what the memory is
   * @param rights what peers may do with it
   * @param live says which parts of it are handed out: only they may be used
   */
  public Region register(
      MemorySource.Slab slab, MemorySource source, AccessRights rights, LiveBlocks live) {
    long address = slab.address();
    long length = slab.bytes();
    int descriptor = slab.descriptor();
    return addAll(
            new long[] {address},
            new long[] {length},
            (_, sequence) ->
                new Region(address, length, source, rights, sequence, live, descriptor))
        .getFirst();
  }

  /** As below, for ranges that peers may read and write. */
  public List<Region> registerAll(long[] addresses, long[] lengths, String location) {
    return registerAll(addresses, lengths, location, AccessRights.READ_WRITE);
  }

  /**
   * Adds all of the ranges, or none if one is refused. One copy of the table for all of them.
   *
   * @param rights what peers may do with each
   * @return the regions in the order of the arguments, which is their order of registration
   * @throws TransferException as {@link #register}, also for columns of unequal length
   */
  public List<Region> registerAll(
      long[] addresses, long[] lengths, String location, AccessRights rights) {
    String[] locations = new String[addresses.length];
    Arrays.fill(locations, location);
    return registerAll(addresses, lengths, locations, rights);
  }

  /** As above, with a location for each range. */
  public List<Region> registerAll(
      long[] addresses, long[] lengths, String[] locations, AccessRights rights) {
    MemoryKind[] kinds = new MemoryKind[locations.length];
    for (int i = 0; i < kinds.length; i++) {
      kinds[i] = MemoryKind.at(locations[i]);
    }
    return addAll(
        addresses,
        lengths,
        (i, sequence) ->
            new Region(addresses[i], lengths[i], locations[i], kinds[i], rights, sequence));
  }

  /** Makes the region of the range at {@code index}. */
  private interface Maker {
    Region make(int index, long sequence);
  }

  private List<Region> addAll(long[] addresses, long[] lengths, Maker maker) {
    Ranges.requireAllValid(addresses, lengths);
    synchronized (this) {
      requireRoom(addresses.length);
      Region[] added = new Region[addresses.length];
      for (int i = 0; i < added.length; i++) {
        added[i] = maker.make(i, nextSequence + i);
        if (!added[i].kind().isHost()) {
          devices = true;
        }
      }
      List<Region> all = List.of(added);
      regions = regions.with(all, RegionTable::overlap);
      nextSequence += added.length;
      return all;
    }
  }

  /** {@return whether memory of a device was ever registered here} */
  public boolean hasDevices() {
    return devices;
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
    RangeIndex<Region> now = regions;
    int place = now.find(address);
    if (place < 0) {
      return null;
    }
    Region region = now.get(place);
    return region.covers(address, length) && !region.isRefused() ? region : null;
  }

  /**
   * Finds the region that holds all of a range, and counts a use of it, for code that reads or
   * writes the range with the processor. This is the only way to do so by an address: it refuses
   * memory where an access would end the JVM.
   *
   * @return the region, to be released once; null when the range is not wholly inside one region
   *     that takes new uses (of a pool: inside one block that is handed out), or when the processor
   *     must not touch it
   */
  public @Nullable Region acquireTouchable(long address, long length) {
    Region region = find(address, length);
    return region != null && region.isTouchable() && region.acquire(address, length)
        ? region
        : null;
  }

  /** {@return the region whose first byte is at {@code address}, refused or not, or null} */
  public @Nullable Region byAddress(long address) {
    return regions.startingAt(address);
  }

  /**
   * Takes regions out; their ranges may be registered again. Ignores regions that are not in the
   * table. One copy of the table for all of them. The caller makes sure that nothing is in flight.
   */
  public synchronized void removeAll(List<Region> gone) {
    regions = regions.without(gone);
  }

  /** Takes {@code region} out, as {@link #removeAll}. */
  public void remove(Region region) {
    removeAll(List.of(region));
  }

  /** {@return all regions in order of registration, refused ones included; a snapshot} */
  public List<Region> inOrder() {
    List<Region> all = regions.all();
    all.sort(Comparator.comparingLong(Region::sequence));
    return List.copyOf(all);
  }

  /** Looks at all regions, refused ones included; takes no memory. */
  public void forEach(Consumer<Region> look) {
    RangeIndex<Region> now = regions;
    for (int place = 0; place < now.size(); place++) {
      look.accept(now.get(place));
    }
  }

  /** {@return the number of regions} */
  public int size() {
    return regions.size();
  }
}
