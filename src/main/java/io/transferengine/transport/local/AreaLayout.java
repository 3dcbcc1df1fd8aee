// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import io.transferengine.transport.Incarnations;

/**
 * Where things are in an area, which other processes read and write (ADR 39). All are 64-bit words
 * in the machine's byte order.
 *
 * <pre>
 * header   magic | incarnation | address of the open gate | descriptor of the memfd
 * life     address of the word | descriptor of its memfd; both 0: there is none
 * asks     ASKS x (incarnation of the engine that we ask for a lease | number)
 * leases   LEASES x (pid | start | incarnation of who has it | number that it asked with)
 * slots    LEASES x SLOTS words
 * entries  ENTRIES x (number | address | length | rights)
 * tables   of pools: one word for each place where a block may begin
 * handles  HANDLES x (8 words | base | length | process | ordinal), of devices' memory
 * imports  LEASES words
 * </pre>
 *
 * Gates are pages of their own, elsewhere.
 */
final class AreaLayout {
  /** "TEarea" and the version of this layout. */
  static final long MAGIC = 0x5445_6172_6561_0005L;

  static final long MAGIC_AT = 0;
  static final long INCARNATION_AT = 8;
  static final long GATE_AT = 16;
  static final long DESCRIPTOR_AT = 24;
  static final long HEADER_BYTES = 32;

  /** Of the engine's {@code LifeWord}. Older builds have zeros there, and do not look. */
  static final long LIFE_AT = HEADER_BYTES;

  static final long LIFE_DESCRIPTOR_AT = 40;

  /** Parts begin at a page, of whatever size up to 64 KiB. */
  private static final long ALIGNMENT = 1L << 16;

  /** Engines that may be asked for a lease at once. */
  static final int ASKS = 1024;

  static final long ASK_BYTES = 2 * Long.BYTES;

  /** Leases at a time. A process has one for each engine that it reaches us from. */
  static final int LEASES = 1024;

  /** Who has a lease. */
  static final long HOLDER_BYTES = 4 * Long.BYTES;

  /** Copies that one lease lets a peer have under way; together a cache line. */
  static final int SLOTS = 8;

  static final long LEASE_BYTES = SLOTS * (long) Long.BYTES;

  /** As many as there may be registrations. */
  static final int ENTRIES = 1 << 20;

  static final long ENTRY_BYTES = 4 * Long.BYTES;

  // Places of words in an entry; the number is first.
  static final long ENTRY_ADDRESS_AT = 8;
  static final long ENTRY_LENGTH_AT = 16;
  static final long ENTRY_RIGHTS_AT = 24;

  /** In an entry's rights. */
  static final long MAY_READ = 1;

  /** In an entry's rights. */
  static final long MAY_WRITE = 2;

  /**
   * In an entry's rights: it is a pool, and only what its table says is handed out may be used. The
   * distance of its places follows, the table's place, in units of {@link #TABLE_UNIT_BYTES}, and
   * the descriptor of its memfd, plus 1.
   */
  static final long HAS_TABLE = 4;

  /**
   * In an entry's rights: it is memory of a device, which is opened by a handle. Which one follows,
   * where the table's place would be.
   */
  static final long HAS_HANDLE = 8;

  private static final int SHIFT_SHIFT = 8;
  private static final int UNIT_SHIFT = 16;
  private static final int UNIT_MASK = (1 << 16) - 1;
  private static final int DESCRIPTOR_SHIFT = 32;

  /** In a slot, beside the gate, whose address is a multiple of a page: a table was looked at. */
  static final long BLOCKS = 1;

  /** In a slot: the copy is no call, and touches nothing but mapped pools. */
  static final long PLAIN = 2;

  /** In a slot: numbers that are different from one copy to the next. */
  static final int COUNT_SHIFT = 2;

  static final int COUNT_MASK = (1 << 10) - 1;

  static final long ASKS_AT = ALIGNMENT;
  static final long HOLDERS_AT = ASKS_AT + ALIGNMENT;
  static final long SLOTS_AT = HOLDERS_AT + ALIGNMENT;
  static final long ENTRIES_AT = SLOTS_AT + ALIGNMENT;
  static final long TABLES_AT = ENTRIES_AT + ENTRIES * ENTRY_BYTES;

  /** Of all pools: of 128 GiB in small blocks. Beyond it, pools have no entries. */
  static final long TABLES_BYTES = 1L << 27;

  /** A table begins at a multiple of it. */
  static final long TABLE_UNIT_BYTES = 1L << 13;

  /** Registrations of devices' memory that have a handle; those beyond it have no entries. */
  static final int HANDLES = 4096;

  static final long HANDLE_BYTES = 16 * Long.BYTES;

  // Places of words beside a handle, which is first.
  static final long HANDLE_BASE_AT = 64;
  static final long HANDLE_LENGTH_AT = 72;
  static final long HANDLE_PROCESS_AT = 80;
  static final long HANDLE_ORDINAL_AT = 88;

  static final long HANDLES_AT = TABLES_AT + TABLES_BYTES;

  /** A word of each lease: up to which gate its holder has closed what is to be closed. */
  static final long IMPORTS_AT = HANDLES_AT + HANDLES * HANDLE_BYTES;

  static final long BYTES = IMPORTS_AT + ALIGNMENT;

  // In a table's word: how long the block is that begins there, 0 for none; and over how many
  // places the block reaches that this place was last in, as a power of two.
  private static final int ORDER_SHIFT = 56;
  private static final long LENGTH_MASK = (1L << ORDER_SHIFT) - 1;

  private AreaLayout() {}

  /** {@return what an entry's rights have for a table in addition} */
  static long tableBits(long offsetInTables, int placeShift, int descriptor) {
    return HAS_TABLE
        | ((long) placeShift << SHIFT_SHIFT)
        | ((offsetInTables / TABLE_UNIT_BYTES) << UNIT_SHIFT)
        | ((long) (descriptor + 1) << DESCRIPTOR_SHIFT);
  }

  /** {@return the descriptor that its owner has of a pool's memfd; -1 if it is of none} */
  static int descriptor(long rights) {
    return (int) (rights >>> DESCRIPTOR_SHIFT) - 1;
  }

  /** {@return where in an area the table is that an entry's rights name} */
  static long tableAt(long rights) {
    return TABLES_AT + ((rights >>> UNIT_SHIFT) & UNIT_MASK) * TABLE_UNIT_BYTES;
  }

  /** {@return what an entry's rights have for a handle in addition} */
  static long handleBits(int index) {
    return HAS_HANDLE | ((long) index << UNIT_SHIFT);
  }

  /** {@return which handle an entry's rights name} */
  static int handle(long rights) {
    return (int) (rights >>> UNIT_SHIFT) & UNIT_MASK;
  }

  static long handleAt(int index) {
    return HANDLES_AT + index * HANDLE_BYTES;
  }

  static long importsAt(int lease) {
    return IMPORTS_AT + lease * (long) Long.BYTES;
  }

  /** {@return where the word of the lease with the slots at an address is} */
  static long imports(long area, long slots) {
    return area + importsAt((int) ((slots - (area + SLOTS_AT)) / LEASE_BYTES));
  }

  /** {@return the distance of its places, as a power of two} */
  static int placeShift(long rights) {
    return (int) (rights >>> SHIFT_SHIFT) & (Long.SIZE - 1);
  }

  /** {@return a word of a table} */
  static long place(int order, long length) {
    return ((long) order << ORDER_SHIFT) | length;
  }

  static int order(long place) {
    return (int) (place >>> ORDER_SHIFT) & (Long.SIZE - 1);
  }

  static long length(long place) {
    return place & LENGTH_MASK;
  }

  /** {@return whether a magic is of an area with another layout} */
  static boolean isOtherVersion(long magic) {
    return magic != MAGIC && magic >>> 16 == MAGIC >>> 16;
  }

  /** {@return the name of the memfd that an area is a mapping of} */
  static String name(long incarnation) {
    return "te-area-" + Incarnations.text(incarnation);
  }

  /** {@return the name of the memfd that an engine's life word is in} */
  static String lifeName(long incarnation) {
    return "te-life-" + Incarnations.text(incarnation);
  }

  /** {@return whether an address is where the slots of a lease begin, in an area at another} */
  static boolean isLease(long area, long slots) {
    return isElement(slots - (area + SLOTS_AT), LEASES, LEASE_BYTES);
  }

  /** {@return whether an address is where somebody is asked, in an area at another} */
  static boolean isAsk(long area, long ask) {
    return isElement(ask - (area + ASKS_AT), ASKS, ASK_BYTES);
  }

  private static boolean isElement(long at, int count, long bytes) {
    return at >= 0 && at < count * bytes && at % bytes == 0;
  }

  /** {@return where it says who has the lease with the slots at an address} */
  static long holder(long area, long slots) {
    return area + holderAt((int) ((slots - (area + SLOTS_AT)) / LEASE_BYTES));
  }

  static long holderAt(int lease) {
    return HOLDERS_AT + lease * HOLDER_BYTES;
  }

  /** {@return which entry a fence's number is in} */
  static int index(long fence) {
    return (int) (fence & (ENTRIES - 1));
  }

  /** {@return where the entry of a fence's number is in an area} */
  static long entryAt(long fence) {
    return ENTRIES_AT + index(fence) * ENTRY_BYTES;
  }
}
