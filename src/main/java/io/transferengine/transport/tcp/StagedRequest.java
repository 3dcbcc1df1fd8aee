// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.device.CopyCompletion;
import io.transferengine.device.CopyList;
import io.transferengine.device.Device;
import io.transferengine.device.PinnedSlots;
import io.transferengine.memory.Region;
import io.transferengine.transfer.TransferException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * A peer's request some of whose bytes are in a device's memory here. They pass through pinned
 * slots:
 *
 * <pre>
 * write   socket --> slot --copy--> device, and then the status
 * read    device --copy--> slot --> socket
 * </pre>
 *
 * <p>A plain request takes one slot after another: while one is copied, the next is filled, or sent
 * before. Small writes that have arrived together are one: they share a slot and a copy, and are
 * answered together. A vectored request has a slot for all of its bytes, in their order; what is in
 * host memory is copied there, or from there, by the processor.
 *
 * <p>Its regions have their uses until neither a copy nor the connection touches them, even if the
 * connection has ended long before. A slot goes back when neither a copy nor the socket touches it.
 *
 * <p>Confined to the connection's event loop, but for the ends of copies.
 */
final class StagedRequest {
  /** Where its slots and devices come from. */
  interface Source {
    /** {@return a slot; 0 if there is none: then the connection goes on when there is} */
    long take();

    /** Takes a slot back. Any thread; throws nothing. */
    void giveBack(long slot);

    /** {@return the device that has a region} */
    Device device(Region region);

    /** A copy has ended: the connection is to look at its request. Any thread. */
    void wake();

    /** So many bytes were copied to devices, or from there. Any thread. */
    void copied(long bytes, boolean write);
  }

  /** Writes that are one: as many as one of our peers would lay into a frame. */
  private static final int WRITES_LIMIT = 256;

  private final Source source;
  private final boolean write;
  private final boolean version2;

  /** Of a vectored request; else null. */
  private final @Nullable VectorTable vector;

  private final long size;

  /** The beginnings and ends of the ranges of plain requests: one, or of writes several. */
  private long[] ranges;

  private int requests = 1;

  /** Where the next byte of a plain request belongs. */
  private long next;

  /** What is in the slot, of a plain request. */
  private CopyList list = new CopyList();

  /** Released by whoever is the last holder. */
  private final List<Region> regions;

  /** The connection, and each piece whose copies are under way. */
  private final AtomicInteger holders = new AtomicInteger(1);

  private volatile @Nullable Throwable failure;

  /** The slot that the connection has; 0 for none. A write is filling it. */
  private long slot;

  private int used;
  private long copied;

  /** What a read has in a slot that is not in the stream yet. */
  private @Nullable Piece out;

  private boolean waitsForSlot;
  private boolean answered;
  private boolean ended;

  /**
   * A plain request for a range of one region.
   *
   * @param region with a use that is the request's from now on
   */
  StagedRequest(
      Source source, Region region, long address, long size, boolean write, boolean version2) {
    this.source = source;
    this.vector = null;
    this.regions = new ArrayList<>(1);
    this.ranges = new long[] {address, address + size};
    this.next = address;
    this.size = size;
    this.write = write;
    this.version2 = version2;
    regions.add(region);
  }

  /**
   * A vectored request.
   *
   * @param vector admitted; its uses of regions are the request's from now on
   */
  StagedRequest(Source source, VectorTable vector) {
    this.source = source;
    this.vector = vector;
    this.ranges = new long[0];
    this.size = vector.bytes();
    this.write = vector.isWrite();
    this.version2 = true;
    // Last: what throws before leaves them where they are.
    this.regions = vector.handOver();
  }

  boolean isWrite() {
    return write;
  }

  boolean isVector() {
    return vector != null;
  }

  boolean isVersion2() {
    return version2;
  }

  /** {@return where a plain request begins} */
  long address() {
    return vector == null ? ranges[0] : 0;
  }

  /** {@return how many writes are one in this} */
  int requests() {
    return requests;
  }

  long size() {
    return size;
  }

  /** {@return whether a copy is under way} */
  boolean isCopying() {
    return holders.get() > (ended ? 0 : 1);
  }

  /** {@return whether it waits for a slot or for a copy, and not for its peer} */
  boolean isWaiting() {
    return waitsForSlot || isCopying();
  }

  /** {@return what a copy has failed with, or what could not be begun; null if all is well} */
  @Nullable Throwable failure() {
    return failure;
  }

  /** {@return whether a plain request has to do with bytes of a range} */
  boolean isUsing(long from, long to) {
    for (int i = 0; !ended && i < ranges.length && i < 2 * requests; i += 2) {
      if (ranges[i] < to && ranges[i + 1] > from) {
        return true;
      }
    }
    return false;
  }

  // ---- slots

  private boolean hasSlot() {
    if (slot == 0) {
      slot = source.take();
      used = 0;
    }
    waitsForSlot = slot == 0;
    return slot != 0;
  }

  /** {@return where the next bytes of a write go; 0 while there is no slot for them} */
  long place() {
    return hasSlot() ? slot + used : 0;
  }

  /** {@return whether a plain write may be joined that has so many bytes} */
  boolean mayJoin(long bytes) {
    return write
        && vector == null
        && slot != 0
        && bytes <= room()
        && requests < WRITES_LIMIT
        && failure == null;
  }

  /** {@return whether a region is of the device that the write is for} */
  boolean isFor(Region region) {
    return region.kind().equals(regions.getFirst().kind());
  }

  /**
   * Joins a write, whose bytes are next.
   *
   * @param region with a use that is the request's from now on
   */
  void join(Region region, long address, long bytes) {
    if (ranges.length == 2 * requests) {
      ranges = Arrays.copyOf(ranges, 4 * requests);
    }
    regions.add(region);
    ranges[2 * requests] = address;
    ranges[2 * requests + 1] = address + bytes;
    requests++;
    next = address;
  }

  /** {@return how many bytes there is room for at {@link #place}} */
  long room() {
    return (long) PinnedSlots.SLOT_BYTES - used;
  }

  /** Bytes of a write are in their place: those that are next. Throws nothing. */
  void filled(int bytes) {
    used += bytes;
    if (vector == null) {
      try {
        list.add(next, bytes);
      } catch (Throwable t) {
        failure = t;
        return;
      }
      next += bytes;
    }
    if (used == PinnedSlots.SLOT_BYTES) {
      begin();
    }
  }

  /** Nothing more comes into the slot that a write has. Throws nothing. */
  void complete() {
    if (slot != 0 && failure == null) {
      begin();
    }
  }

  // ---- reads

  /** {@return what was copied and is to be sent next; null if there is nothing} */
  @Nullable Piece copiedPiece() {
    return isCopying() ? null : out;
  }

  /** The piece is in the stream, which gives it back. */
  void sent() {
    out = null;
    answered = true;
  }

  /** {@return whether a part of the answer is in the stream} */
  boolean hasAnswered() {
    return answered;
  }

  /** {@return whether all of a read has been copied, or is being copied} */
  boolean isAllBegun() {
    return copied == size;
  }

  /** Begins to copy what is next of a read. {@return false while there is no slot} */
  boolean beginNext() {
    if (!hasSlot()) {
      return false;
    }
    used = (int) Math.min(size - copied, PinnedSlots.SLOT_BYTES);
    try {
      if (vector == null) {
        list.add(next, used);
        next += used;
      }
      begin();
    } catch (Throwable t) {
      failure = t;
    }
    return true;
  }

  // ---- copies

  private void begin() {
    try {
      Piece piece = new Piece(slot, used);
      CopyList none = new CopyList();
      List<Part> parts = vector == null ? plainPart() : parts(vector);
      // Nothing throws from here on but the device.
      list = none;
      slot = 0;
      copied += used;
      if (!write) {
        out = piece;
      }
      piece.begin(parts);
    } catch (Throwable t) {
      failure = t;
    }
  }

  private List<Part> plainPart() {
    List<Part> one = new ArrayList<>(1);
    one.add(new Part(source.device(regions.getFirst()), slot, list));
    return one;
  }

  /** Lays the ranges one behind the other; the processor copies what is in host memory now. */
  private List<Part> parts(VectorTable table) {
    List<Part> parts = new ArrayList<>(1);
    int held = 0;
    long at = slot;
    for (int i = 0; i < table.count(); i++) {
      long address = table.address(i);
      long length = table.length(i);
      while (!regions.get(held).covers(address, length)) {
        held++;
      }
      Region region = regions.get(held);
      if (region.isTouchable()) {
        MemoryWindow.copy(write ? at : address, write ? address : at, length);
      } else {
        partAt(parts, source.device(region), at).list.add(address, length);
      }
      at += length;
    }
    MemoryWindow.tellFaults();
    return parts;
  }

  private static Part partAt(List<Part> parts, Device device, long at) {
    if (!parts.isEmpty()) {
      Part last = parts.getLast();
      if (last.device == device && last.host + last.list.bytes() == at) {
        return last;
      }
    }
    Part next = new Part(device, at, new CopyList());
    parts.add(next);
    return next;
  }

  /** Ranges of one device, one behind the other in the slot. */
  private static final class Part {
    private final Device device;
    private final long host;
    private final CopyList list;

    Part(Device device, long host, CopyList list) {
      this.device = device;
      this.host = host;
      this.list = list;
    }
  }

  /** What is in one slot: that of the copies, and of a read until it is sent. */
  final class Piece implements CopyCompletion {
    private final long at;
    private final int bytes;
    private final AtomicInteger copies = new AtomicInteger();
    private long ofDevices;
    private final AtomicInteger users = new AtomicInteger(write ? 1 : 2);

    Piece(long at, int bytes) {
      this.at = at;
      this.bytes = bytes;
    }

    long address() {
      return at;
    }

    int bytes() {
      return bytes;
    }

    private void begin(List<Part> parts) {
      int count = parts.size();
      for (int i = 0; i < count; i++) {
        ofDevices += parts.get(i).list.bytes();
      }
      copies.set(count);
      boolean _ = holders.incrementAndGet() > 0;
      int begun = 0;
      try {
        for (int i = 0; i < count; i++) {
          Part part = parts.get(i);
          if (write) {
            part.device.copyIn(part.list, part.host, this);
          } else {
            part.device.copyOut(part.list, part.host, this);
          }
          begun++;
        }
      } catch (Throwable t) {
        // The copies that have begun still use the slot.
        failure = t;
        if (copies.addAndGet(begun - count) == 0) {
          over();
        }
      }
    }

    @Override
    public void copied(@Nullable TransferException why) {
      if (why != null) {
        failure = why;
      }
      if (copies.decrementAndGet() == 0) {
        over();
        source.wake();
        if (failure == null) {
          source.copied(ofDevices, write);
        }
      }
    }

    private void over() {
      try {
        release();
      } finally {
        leave();
      }
    }

    /** The socket, or the copies, touch the slot no more. Any thread. */
    void release() {
      if (users.decrementAndGet() == 0) {
        source.giveBack(at);
      }
    }
  }

  // ---- the end

  /**
   * The connection has nothing to do with it any more, and nothing that it reads or sends touches
   * the slot that it was filling. What is under way ends by itself. Idempotent.
   */
  void end() {
    if (ended) {
      return;
    }
    ended = true;
    waitsForSlot = false;
    long filling = slot;
    Piece unsent = out;
    slot = 0;
    out = null;
    try {
      if (filling != 0) {
        source.giveBack(filling);
      }
      if (unsent != null) {
        unsent.release();
      }
    } finally {
      leave();
    }
  }

  private void leave() {
    if (holders.decrementAndGet() == 0) {
      // The last first, without an iterator: what was released is never released again.
      while (!regions.isEmpty()) {
        regions.removeLast().release();
      }
    }
  }
}
