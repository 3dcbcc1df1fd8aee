// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.device.SharedAllocation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * The area of an engine, as this process has mapped it. Thread-safe.
 *
 * <p>When the engine has ended, the mapping is closed ({@link PeerMaps}); each method then throws
 * an IllegalStateException.
 */
final class PeerMap {
  private static final VarHandle WORD = ValueLayout.JAVA_LONG.varHandle();

  private final MemorySegment memory;
  private final long area;

  /**
   * A mapping that is used as long as it is not closed.
   *
   * @param area where the engine itself has it
   */
  PeerMap(MemorySegment memory, long area) {
    this.memory = memory;
    this.area = area;
  }

  /** {@return a word of the area} What is read later was not older. */
  long word(long at) {
    return (long) WORD.getVolatile(memory, at);
  }

  /** {@return whether the mapping was closed} */
  boolean isClosed() {
    return !memory.scope().isAlive();
  }

  /** {@return whether the engine still has its area} */
  boolean isThere() {
    return word(AreaLayout.MAGIC_AT) == AreaLayout.MAGIC;
  }

  /**
   * {@return whether a range lies in one block that is handed out} False as well if the entry leads
   * out of the area: it is what the peer says, or half of what it says next.
   *
   * @param pool an entry that covers it
   */
  boolean isHandedOut(Gate.Entry pool, long from, long bytes) {
    long table = AreaLayout.tableAt(pool.rights());
    int shift = AreaLayout.placeShift(pool.rights());
    long offset = from - pool.address();
    long place = offset >>> shift;
    if (place >= (memory.byteSize() - table) / Long.BYTES) {
      return false;
    }
    int order = AreaLayout.order(word(table + place * Long.BYTES));
    long first = (place >>> order) << order;
    long length = AreaLayout.length(word(table + first * Long.BYTES));
    return bytes <= (first << shift) + length - offset;
  }

  /**
   * {@return by which memory of a device is opened} The registration must not end meanwhile.
   *
   * @param entry that of a registration that has a handle
   * @throws io.transferengine.transfer.TransferException if the entry leads nowhere
   */
  SharedAllocation shared(Gate.Entry entry) {
    int index = AreaLayout.handle(entry.rights());
    if (index >= AreaLayout.HANDLES) {
      throw LocalFaults.notOpened("its area contradicts itself");
    }
    long at = AreaLayout.handleAt(index);
    List<Long> handle = new ArrayList<>(SharedAllocation.HANDLE_WORDS);
    for (int i = 0; i < SharedAllocation.HANDLE_WORDS; i++) {
      handle.add(word(at + i * (long) Long.BYTES));
    }
    return new SharedAllocation(
        handle,
        word(at + AreaLayout.HANDLE_BASE_AT),
        word(at + AreaLayout.HANDLE_LENGTH_AT),
        word(at + AreaLayout.HANDLE_PROCESS_AT),
        (int) word(at + AreaLayout.HANDLE_ORDINAL_AT));
  }

  /** Says in a slot that a copy goes through a gate, before anything that follows is done. */
  void mark(long slot, long gate) {
    WORD.setRelease(memory, slot - area, gate);
    VarHandle.fullFence();
  }

  /** Says in a slot that none does, after all that came before. */
  void clear(long slot) {
    WORD.setRelease(memory, slot - area, 0L);
  }
}
