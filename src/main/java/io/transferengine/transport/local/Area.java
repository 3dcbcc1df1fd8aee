// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

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
 * <p><b>Torn words.</b> The kernel may copy a word in pieces. A number of a fence is random: half
 * of one number and half of another, or of 0, is not a third one. A slot that is torn changes at
 * this moment: from 0 to a gate, before the call passes that gate, which is closed already where it
 * matters; from a gate to 0, when the call is through; so it does not matter what it looks like.
 * The gate in the header is read twice by peers.
 *
 * <p>The methods that change gates are for one thread at a time.
 */
final class Area {
  /** Address space for gates. Each is used once; when all were, there is another such range. */
  private static final long GATES_BYTES = 1L << 28;

  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  /** Gates with consecutive numbers, from {@code offset} to the end of a range. */
  private record Gates(ReservedMemory memory, long offset, long firstSerial, long pageBytes) {
    long address(long serial) {
      return memory.address() + offsetOf(serial);
    }

    long offsetOf(long serial) {
      return offset + (serial - firstSerial) * pageBytes;
    }

    boolean has(long serial) {
      return serial >= firstSerial && serial < firstSerial + GATES_BYTES / pageBytes;
    }
  }

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
    reserved = ReservedMemory.ofBytes(AreaLayout.OPEN_BYTES + GATES_BYTES);
    try {
      memory = reserved.memory();
      gates = List.of(new Gates(reserved, AreaLayout.OPEN_BYTES, 0, pageBytes));
      reserved.open(0, AreaLayout.OPEN_BYTES);
      memory.set(ValueLayout.JAVA_LONG, AreaLayout.MAGIC_AT, AreaLayout.MAGIC);
      memory.set(ValueLayout.JAVA_LONG, AreaLayout.INCARNATION_AT, incarnation);
      openGate(0);
    } catch (Throwable t) {
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

  // ---- words

  /** From now on the registration with this number may be used. */
  void admit(long fence) {
    set(AreaLayout.wordAt(fence), fence);
  }

  /** Whoever looks from now on finds the registration gone. */
  void refuse(long fence) {
    set(AreaLayout.wordAt(fence), 0);
  }

  // ---- slots

  /** {@return the address of a lease's slots} */
  long slots(int lease) {
    return reserved.address() + slotAt(lease, 0);
  }

  private static long slotAt(int lease, int slot) {
    return AreaLayout.SLOTS_AT + lease * AreaLayout.LEASE_BYTES + slot * (long) Long.BYTES;
  }

  /** Empties a lease's slots, of which the process is gone. */
  void clear(int lease) {
    for (int slot = 0; slot < AreaLayout.SLOTS; slot++) {
      set(slotAt(lease, slot), 0);
    }
  }

  /** {@return whether a lease has a copy under way that may have passed a gate, or an older one} */
  boolean mayHavePassed(int lease, long serial) {
    for (int slot = 0; slot < AreaLayout.SLOTS; slot++) {
      long gate = get(slotAt(lease, slot));
      if (gate != 0 && isUpTo(gate, serial)) {
        return true;
      }
    }
    return false;
  }

  private boolean isUpTo(long gate, long serial) {
    for (Gates each : gates) {
      long offset = gate - each.address(each.firstSerial);
      if (offset >= 0 && offset < GATES_BYTES) {
        return each.firstSerial + offset / pageBytes <= serial;
      }
    }
    return false; // Torn: see above.
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
      all.add(new Gates(more, 0, firstSerial, pageBytes));
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
    close(open);
  }

  /** Gives the memory back; no other method may be called any more. */
  void unmap() {
    for (Gates each : gates) {
      if (each.memory != reserved) {
        each.memory.unmap();
      }
    }
    reserved.unmap();
  }
}
