// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.access.AccessRights;
import io.transferengine.device.SharedAllocation;
import io.transferengine.memory.Region;
import io.transferengine.os.LifeWord;
import io.transferengine.os.ReservedMemory;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Our area: what peers read and write to find out whether they may copy (ADR 39, {@link
 * AreaLayout}). Gates have serial numbers here; peers know them by their addresses.
 *
 * <p>Peers map it. <b>Entries</b> have several words. Whoever looks for a number knows it from a
 * descriptor, which had it after the entry was complete; so an entry with that number is whole, or
 * was refused after the look began, and then the gate of that look is closed before the entry is
 * used again. A number of a fence is random.
 *
 * <p>The methods that change gates are for one thread at a time.
 */
final class Area {
  /** Address space for gates. Each is used once; when all were, there is another such range. */
  private static final long GATES_BYTES = 1L << 28;

  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  /** Gates with consecutive numbers. */
  private record Gates(ReservedMemory memory, long firstSerial, long pageBytes) {
    long address(long serial) {
      return memory.address() + offsetOf(serial);
    }

    long offsetOf(long serial) {
      return (serial - firstSerial) * pageBytes;
    }

    boolean has(long serial) {
      return serial >= firstSerial && serial < firstSerial + GATES_BYTES / pageBytes;
    }
  }

  /** Of a memfd, by whose name peers see that we have made it. */
  private final ReservedMemory reserved;

  private final MemorySegment memory;
  private final long pageBytes = ReservedMemory.pageBytes();

  /** Only grows; a reader may have an older list. */
  private volatile List<Gates> gates;

  /** Gates that were to be closed and are not yet; the kernel had no memory for it. */
  private final Deque<Long> toClose = new ArrayDeque<>();

  private long open;

  /**
   * One with the first gate open and nothing registered.
   *
   * @throws io.transferengine.os.NativeCallException if the kernel does not give it
   */
  Area(long incarnation) {
    reserved = ReservedMemory.ofMemfd(AreaLayout.name(incarnation), AreaLayout.BYTES);
    ReservedMemory first = null;
    try {
      memory = reserved.memory();
      first = ReservedMemory.ofBytes(GATES_BYTES);
      gates = List.of(new Gates(first, 0, pageBytes));
      set(AreaLayout.INCARNATION_AT, incarnation);
      set(AreaLayout.DESCRIPTOR_AT, reserved.descriptor());
      openGate(0);
      set(AreaLayout.MAGIC_AT, AreaLayout.MAGIC);
    } catch (Throwable t) {
      if (first != null) {
        first.unmap();
      }
      reserved.unmap();
      throw t;
    }
  }

  long address() {
    return reserved.address();
  }

  private long get(long at) {
    return (long) WORD.getVolatile(memory, at);
  }

  private void set(long at, long value) {
    WORD.setVolatile(memory, at, value);
  }

  /** Says where the word is by which the kernel tells that this process lives. */
  void publish(LifeWord life) {
    set(AreaLayout.LIFE_DESCRIPTOR_AT, life.descriptor());
    set(AreaLayout.LIFE_AT, life.address());
  }

  // ---- entries

  /** From now on the registration with this number may be used: so far, and for that. */
  void admit(long fence, Region region) {
    admit(fence, region, 0);
  }

  /** As {@link #admit}, of a pool: only what its table says is handed out. */
  void admitPool(long fence, Region pool, long offsetInTables, int placeShift) {
    admit(fence, pool, AreaLayout.tableBits(offsetInTables, placeShift, pool.descriptor()));
  }

  /**
   * As {@link #admit}, of memory of a device.
   *
   * @param index which of the handles is its own
   */
  void admitShared(long fence, Region region, int index, SharedAllocation shared) {
    long at = AreaLayout.handleAt(index);
    for (int i = 0; i < SharedAllocation.HANDLE_WORDS; i++) {
      set(at + i * (long) Long.BYTES, shared.handle().get(i));
    }
    set(at + AreaLayout.HANDLE_BASE_AT, shared.base());
    set(at + AreaLayout.HANDLE_LENGTH_AT, shared.length());
    set(at + AreaLayout.HANDLE_PROCESS_AT, shared.process());
    set(at + AreaLayout.HANDLE_ORDINAL_AT, shared.ordinal());
    admit(fence, region, AreaLayout.handleBits(index));
  }

  /** Nobody uses a handle any more; what it opened is not to be found here. */
  void clearHandle(int index) {
    long at = AreaLayout.handleAt(index);
    for (int i = 0; i < SharedAllocation.HANDLE_WORDS; i++) {
      set(at + i * (long) Long.BYTES, 0);
    }
  }

  private void admit(long fence, Region region, long moreBits) {
    long at = AreaLayout.entryAt(fence);
    set(at + AreaLayout.ENTRY_ADDRESS_AT, region.address());
    set(at + AreaLayout.ENTRY_LENGTH_AT, region.length());
    set(at + AreaLayout.ENTRY_RIGHTS_AT, bits(region.rights()) | moreBits);
    set(at, fence);
  }

  private static long bits(AccessRights rights) {
    return (rights.mayRead() ? AreaLayout.MAY_READ : 0)
        | (rights.mayWrite() ? AreaLayout.MAY_WRITE : 0);
  }

  /** {@return the words of a pool's table} */
  MemorySegment table(long offsetInTables, int places) {
    return memory.asSlice(
        AreaLayout.TABLES_AT + offsetInTables, places * (long) Long.BYTES, Long.BYTES);
  }

  /** Whoever looks from now on finds the registration gone. */
  void refuse(long fence) {
    set(AreaLayout.entryAt(fence), 0);
  }

  // ---- asking others

  /**
   * Says that we ask an engine for a lease.
   *
   * @param place which place for that; no other thread uses it
   * @param number what the engine is to repeat, not 0
   * @return the address where it is said
   */
  long ask(int place, long incarnation, long number) {
    long at = AreaLayout.ASKS_AT + place * AreaLayout.ASK_BYTES;
    set(at, incarnation);
    set(at + Long.BYTES, number);
    return reserved.address() + at;
  }

  /** We ask no more, or not yet. */
  void clearAsk(int place) {
    set(AreaLayout.ASKS_AT + place * AreaLayout.ASK_BYTES + Long.BYTES, 0);
  }

  // ---- leases

  /** Says who has a lease, and with which number it has asked last. */
  void grant(int lease, long pid, long start, long incarnation, long number) {
    long at = AreaLayout.holderAt(lease);
    set(at, pid);
    set(at + Long.BYTES, start);
    set(at + 2 * Long.BYTES, incarnation);
    set(at + 3 * Long.BYTES, number);
  }

  // ---- slots

  /** {@return the address of a lease's slots} */
  long slots(int lease) {
    return reserved.address() + slotAt(lease, 0);
  }

  private static long slotAt(int lease, int slot) {
    return AreaLayout.SLOTS_AT + lease * AreaLayout.LEASE_BYTES + slot * (long) Long.BYTES;
  }

  /** Empties a lease's slots, of which the holder is gone. */
  void clear(int lease) {
    grant(lease, 0, 0, 0, 0);
    for (int slot = 0; slot < AreaLayout.SLOTS; slot++) {
      set(slotAt(lease, slot), 0);
    }
    set(AreaLayout.importsAt(lease), 0);
  }

  /** {@return what a peer has written into a slot} */
  long slot(int lease, int slot) {
    return get(slotAt(lease, slot));
  }

  /** What a peer has under way. */
  enum Passed {
    NOTHING,
    /** Calls, which a stopped process is out of. */
    CALLS,
    /** Copies by its own threads or devices, or memory that it has open; and perhaps calls. */
    PLAIN
  }

  /**
   * {@return what a lease has under way that may have passed a gate, or an older one}
   *
   * @param opened whether what its holder has open counts, too
   */
  Passed passed(int lease, long serial, boolean opened) {
    Passed found = passed(lease, serial);
    if (found != Passed.NOTHING || !opened) {
      return found;
    }
    // After the slots: who opens something says so before its slot is clear.
    long gate = get(AreaLayout.importsAt(lease));
    return gate != 0 && isUpTo(gate, serial) ? Passed.PLAIN : Passed.NOTHING;
  }

  /** {@return the same of what its slots say} */
  Passed passed(int lease, long serial) {
    Passed found = Passed.NOTHING;
    for (int slot = 0; slot < AreaLayout.SLOTS; slot++) {
      long gate = get(slotAt(lease, slot));
      if (gate != 0 && isUpTo(gate, serial)) {
        if ((gate & AreaLayout.PLAIN) != 0) {
          return Passed.PLAIN;
        }
        found = Passed.CALLS;
      }
    }
    return found;
  }

  private boolean isUpTo(long gate, long serial) {
    for (Gates each : gates) {
      long offset = gate - each.address(each.firstSerial);
      if (offset >= 0 && offset < GATES_BYTES) {
        return each.firstSerial + offset / pageBytes <= serial;
      }
    }
    return false; // No gate of ours: a peer that writes such a thing is not waited for.
  }

  // ---- gates

  /** {@return the serial number of the open gate} */
  long openGate() {
    return open;
  }

  private void openGate(long serial) {
    Gates in = gates.getLast();
    in.memory.open(in.offsetOf(serial), pageBytes);
    set(AreaLayout.GATE_AT, in.address(serial));
    open = serial;
  }

  /**
   * Opens the next gate and closes the open one: when this returns, no call that begins passes that
   * or an older one.
   *
   * @throws RuntimeException or an Error if that was not possible; then an old gate may be open,
   *     and {@link #closeOld} tries again
   */
  void next() {
    long old = open;
    if (!gates.getLast().has(old + 1)) {
      addGates(old + 1);
    }
    toClose.addLast(old);
    try {
      openGate(old + 1);
    } catch (Throwable t) {
      if (open == old) {
        long _ = toClose.removeLast();
      }
      throw t;
    }
    closeOld();
  }

  private void addGates(long firstSerial) {
    ReservedMemory more = ReservedMemory.ofBytes(GATES_BYTES);
    try {
      List<Gates> all = new ArrayList<>(gates);
      all.add(new Gates(more, firstSerial, pageBytes));
      gates = List.copyOf(all);
    } catch (Throwable t) {
      more.unmap();
      throw t;
    }
  }

  /** Closes all gates but the open one, as far as that is still to be done. */
  void closeOld() {
    while (!toClose.isEmpty()) {
      close(toClose.getFirst());
      long _ = toClose.removeFirst();
    }
  }

  private void close(long serial) {
    for (Gates each : gates) {
      if (each.has(serial)) {
        each.memory.close(each.offsetOf(serial), pageBytes);
      }
    }
  }

  /** Closes the last gate, too: nobody copies any more, but for whoever has passed. */
  void closeAll() {
    closeOld();
    // For those that copy without a call, which meet no closed gate.
    set(AreaLayout.GATE_AT, 0);
    VarHandle.fullFence();
    close(open);
  }

  /** Gives the memory back; no other method may be called any more. */
  void unmap() {
    // For those that have mapped it.
    set(AreaLayout.MAGIC_AT, 0);
    gates.forEach(each -> each.memory.unmap());
    reserved.unmap();
  }
}
