// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.transfer.Operation;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * A gate of a peer's area, and entries that were read after it had become the open gate: they stay
 * so for whoever passes it. Thread-safe.
 */
final class Gate {
  /** A power of two. Where two entries meet, the one asked for last is known. */
  private static final int KNOWN = 256;

  /**
   * What the peer's area says of one of its registrations.
   *
   * @param fence its number, not 0
   * @param address where it begins, unsigned
   * @param length in bytes, unsigned
   * @param rights what peers may do, and where its table is if it is a pool, or its handle if it is
   *     a device's, in the bits of {@link AreaLayout}
   */
  record Entry(long fence, long address, long length, long rights) {
    /** {@return whether a range lies wholly in it} */
    boolean covers(long from, long bytes) {
      long offset = from - address;
      return Long.compareUnsigned(offset, length) <= 0
          && Long.compareUnsigned(bytes, length - offset) <= 0;
    }

    /** {@return the descriptor that its owner has of its memfd; -1 if it cannot be mapped} */
    int descriptor() {
      return hasTable() ? AreaLayout.descriptor(rights) : -1;
    }

    /** {@return whether only parts of it may be used, which change: {@link PeerMap#isHandedOut}} */
    boolean hasTable() {
      return (rights & AreaLayout.HAS_TABLE) != 0;
    }

    /** {@return whether it is memory of a device, with a handle: {@link PeerMap#shared}} */
    boolean hasHandle() {
      return (rights & AreaLayout.HAS_HANDLE) != 0;
    }

    boolean allows(Operation operation) {
      long bit = operation == Operation.WRITE ? AreaLayout.MAY_WRITE : AreaLayout.MAY_READ;
      return (rights & bit) != 0;
    }
  }

  private final long address;
  private final AtomicReferenceArray<@Nullable Entry> known = new AtomicReferenceArray<>(KNOWN);

  Gate(long address) {
    this.address = address;
  }

  long address() {
    return address;
  }

  private static int place(long fence) {
    return (int) fence & KNOWN - 1;
  }

  /** {@return the entry of a number; null if it was not read, or not lately} */
  @Nullable Entry known(long fence) {
    Entry entry = known.get(place(fence));
    return entry != null && entry.fence == fence ? entry : null;
  }

  void note(Entry entry) {
    known.set(place(entry.fence), entry);
  }
}
