// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** A request of the data protocol, read from the protocol's description. Immutable. */
final class Request {
  static final int HEADER_BYTES = 24;
  static final int ENTRY_BYTES = 16;

  private static final int READ_1 = 0x00;
  private static final int WRITE_1 = 0x01;
  private static final int READ_2 = 0x80;
  private static final int WRITE_2 = 0x81;
  private static final int READ_MANY = 0xe0;
  private static final int WRITE_MANY = 0xe1;
  private static final int IDENTITY = 0xe2;
  private static final int CHECKED_IDENTITY = 0xe3;

  private static final int STATUS_BYTES = 8;
  private static final int INCARNATION_BYTES = 8;

  private static final int OPCODE_OFFSET = 16;
  private static final int RANGES_LIMIT = 1024;
  private static final long VECTOR_BYTES_LIMIT = 1 << 20;

  private final int opcode;
  private final long size;
  private final long[] addresses;
  private final long[] lengths;
  private final boolean checked;

  /**
   * @param opcode as on the wire
   * @param size in the header
   * @param addresses of its ranges in the target
   * @param lengths of its ranges
   * @param checked whether it and its answer have checksums
   */
  private Request(int opcode, long size, long[] addresses, long[] lengths, boolean checked) {
    this.checked = checked;
    this.opcode = opcode;
    this.size = size;
    this.addresses = addresses;
    this.lengths = lengths;
  }

  static boolean isKnown(int opcode) {
    return switch (opcode) {
      case READ_1, WRITE_1, READ_2, WRITE_2, READ_MANY, WRITE_MANY, IDENTITY, CHECKED_IDENTITY ->
          true;
      default -> false;
    };
  }

  static boolean isIdentity(int opcode) {
    return opcode == IDENTITY || opcode == CHECKED_IDENTITY;
  }

  /** {@return whether it asks for checksums from here on} */
  static boolean isCheckedIdentity(int opcode) {
    return opcode == CHECKED_IDENTITY;
  }

  /** {@return the opcode in a header, -1 if that is too short} */
  static int opcode(byte[] bytes, int offset, int length) {
    return length > OPCODE_OFFSET ? bytes[offset + OPCODE_OFFSET] & 0xff : -1;
  }

  /** {@return how many ranges a vectored request has, 0 for another, -1 if it is malformed} */
  static int ranges(byte[] header) {
    int opcode = header[OPCODE_OFFSET] & 0xff;
    if (opcode != READ_MANY && opcode != WRITE_MANY) {
      return 0;
    }
    long count = words(header).getLong(Long.BYTES);
    return count >= 1 && count <= RANGES_LIMIT ? (int) count : -1;
  }

  /** {@return whether a header with a checksum, its last bytes, is undamaged} */
  static boolean isUndamaged(byte[] header) {
    return Checksum.of(header, 0, HEADER_BYTES - Checksum.BYTES)
        == words(header).getInt(HEADER_BYTES - Checksum.BYTES);
  }

  /** {@return the request, with its table if it is a vectored one} */
  static Request of(byte[] header, byte[] table, boolean checked) {
    int opcode = header[OPCODE_OFFSET] & 0xff;
    ByteBuffer words = words(header);
    long size = words.getLong(0);
    if (table.length == 0) {
      return new Request(
          opcode, size, new long[] {words.getLong(Long.BYTES)}, new long[] {size}, checked);
    }
    int count = table.length / ENTRY_BYTES;
    long[] addresses = new long[count];
    long[] lengths = new long[count];
    ByteBuffer entries = words(table);
    for (int i = 0; i < count; i++) {
      addresses[i] = entries.getLong();
      lengths[i] = entries.getLong();
    }
    return new Request(opcode, size, addresses, lengths, checked);
  }

  private static ByteBuffer words(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
  }

  int ranges() {
    return addresses.length;
  }

  long address(int range) {
    return addresses[range];
  }

  long length(int range) {
    return lengths[range];
  }

  boolean isIdentity() {
    return isIdentity(opcode);
  }

  boolean writes() {
    return opcode == WRITE_1 || opcode == WRITE_2 || opcode == WRITE_MANY;
  }

  boolean hasStatus() {
    return opcode >= READ_2;
  }

  /** {@return whether it and its answer have checksums} */
  boolean isChecked() {
    return checked;
  }

  /** {@return the bytes of its status frame, with what belongs to it} */
  int statusBytes() {
    int sum = checked ? Checksum.BYTES : 0;
    return STATUS_BYTES + sum + (opcode == CHECKED_IDENTITY ? INCARNATION_BYTES : 0);
  }

  /** {@return the bytes of its body; negative if that is no number of bytes} */
  long bodyBytes() {
    if (isIdentity()) {
      return 0;
    }
    long sum = 0;
    for (long length : lengths) {
      if (length < 0 || sum + length < 0) {
        return -1;
      }
      sum += length;
    }
    return sum;
  }

  /** {@return whether a target with these registrations does it} Else it ends the connection. */
  boolean isServed(List<Range> registered) {
    if (isIdentity()) {
      return true;
    }
    for (int i = 0; i < addresses.length; i++) {
      long address = addresses[i];
      long length = lengths[i];
      if (length < 1 || registered.stream().noneMatch(range -> range.holds(address, length))) {
        return false;
      }
    }
    boolean vectored = opcode == READ_MANY || opcode == WRITE_MANY;
    return bodyBytes() == size && !(vectored && size > VECTOR_BYTES_LIMIT);
  }

  /** Tells where bytes of its body belong. */
  void place(long bodyOffset, byte[] bytes, int offset, int count, Landing landing) {
    long before = 0;
    int done = 0;
    for (int i = 0; i < lengths.length && done < count; i++) {
      long inRange = bodyOffset + done - before;
      if (inRange < lengths[i]) {
        int here = (int) Math.min(count - done, lengths[i] - inRange);
        landing.bytes(addresses[i] + inRange, bytes, offset + done, here);
        done += here;
      }
      before += lengths[i];
    }
  }
}
