// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

/**
 * Where things are in an area, which other processes read and write (ADR 39). All are 64-bit words
 * in the machine's byte order.
 *
 * <pre>
 * header   magic | incarnation | address of the open gate
 * slots    LEASES x SLOTS words
 * words    WORDS words
 * gates    a page each
 * </pre>
 */
final class AreaLayout {
  /** "TEarea" and the version of this layout. */
  static final long MAGIC = 0x5445_6172_6561_0001L;

  static final long MAGIC_AT = 0;
  static final long INCARNATION_AT = 8;
  static final long GATE_AT = 16;
  static final long HEADER_BYTES = 24;

  /** Parts begin at a page, of whatever size up to 64 KiB. */
  private static final long ALIGNMENT = 1L << 16;

  /** Leases at a time. A process has one for each engine that it reaches us from. */
  static final int LEASES = 1024;

  /** Copies that one lease lets a peer have under way; together a cache line. */
  static final int SLOTS = 8;

  static final long LEASE_BYTES = SLOTS * (long) Long.BYTES;

  /** As many as there may be registrations. */
  static final int WORDS = 1 << 20;

  static final long SLOTS_AT = ALIGNMENT;
  static final long WORDS_AT = SLOTS_AT + LEASES * LEASE_BYTES;
  static final long OPEN_BYTES = WORDS_AT + WORDS * (long) Long.BYTES;

  private AreaLayout() {}

  /** {@return whether an address is where the slots of a lease begin, in an area at another} */
  static boolean isLease(long area, long slots) {
    long at = slots - (area + SLOTS_AT);
    return at >= 0 && at < LEASES * LEASE_BYTES && at % LEASE_BYTES == 0;
  }

  /** {@return which word a fence's number is in} */
  static int index(long fence) {
    return (int) (fence & (WORDS - 1));
  }

  /** {@return where the word of a fence's number is in an area} */
  static long wordAt(long fence) {
    return WORDS_AT + index(fence) * (long) Long.BYTES;
  }
}
