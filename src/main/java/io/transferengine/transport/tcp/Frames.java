// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.tls.TokenExchange;
import io.transferengine.transfer.Operation;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * The frames of the TCP data protocol (protocol section 7): the 24-byte request header and the
 * 8-byte status frame, both little-endian, read and written in native memory.
 *
 * <pre>
 * request  0 size (8) | 8 address in the target (8) | 16 opcode (1) | 17 padding (7, ignored)
 * status   0 code (4) | 4 "VTCM" (4)
 * </pre>
 *
 * <p>And one form of our own, which goes only to peers that announce it (ADR 19): the vectored
 * request, a header and a table of the ranges that it is for. In place of the address stands their
 * number, which is nobody's address, so that a target that knows nothing of this refuses it.
 *
 * <pre>
 * vectored 0 bytes of all (8) | 8 ranges (8) | 16 opcode 0xe0, 0xe1 (1) | 17 zeros (7)
 *          24 + 16 i  address in the target (8) | length (8)
 * </pre>
 *
 * <p>And another one that goes first on a connection, to peers that announce it: whether this is
 * the engine that is meant. It names no bytes, so that whoever else listens there has none to move.
 *
 * <pre>
 * identity 0 zero (8) | 8 the incarnation of the engine that is meant (8) | 16 opcode 0xe2 (1) | 17
 * answer   status 0; or status 2 and the incarnation of the one that answers (8)
 * </pre>
 *
 * <p>Between peers that want it everything has a checksum (ADR 30). Then this goes first, in the
 * place of the identity frame, and nothing else before its answer:
 *
 * <pre>
 * hello    0 a mark that is no size (8) | 8 the incarnation meant (8) | 16 opcode 0xe3 (1) | 17
 *          zeros (3) | 20 CRC-32C of the bytes before (4)
 * answer   0 status (8) | 8 the incarnation of the one that answers (8) | 16 CRC-32C (4)
 * </pre>
 *
 * From then on the last four bytes of each header, and four more behind each status, table and
 * body, are the CRC-32C of what they end.
 */
final class Frames {
  static final int HEADER_BYTES = 24;
  static final int STATUS_BYTES = 8;

  /** Set in the opcode of a request whose sender wants a status frame. */
  static final int VERSION_2_BIT = 0x80;

  static final int OPCODE_READ = 0;
  static final int OPCODE_WRITE = 1;

  static final int OPCODE_VECTOR_READ = 0x60;
  static final int OPCODE_VECTOR_WRITE = 0x61;

  /** What descriptors announce as {@code te_tcp_vector}; higher versions include it. */
  static final int VECTOR_VERSION = 1;

  /** An address and a length. */
  static final int RANGE_BYTES = 16;

  /**
   * The most ranges of a vectored request: enough that header and status count for nothing, few
   * enough that the table, which is checked before the first byte of a body, stays in the cache.
   */
  static final int VECTOR_RANGES_LIMIT = 1024;

  /** The most bytes of a vectored request: what a target may have to queue as one answer. */
  static final long VECTOR_BYTES_LIMIT = 1L << 20;

  static final int OPCODE_IDENTITY = 0x62;

  /** What descriptors announce as {@code te_tcp_identity}. */
  static final int IDENTITY_VERSION = 1;

  /** Behind a status that says that another engine was meant: the incarnation of this one. */
  static final int INCARNATION_BYTES = 8;

  static final int OPCODE_HELLO = 0x63;

  /** What descriptors announce as {@code te_tcp_checksum}; higher versions include it. */
  static final int CHECKSUM_VERSION = 1;

  /** A CRC-32C. */
  static final int CHECK_BYTES = 4;

  /** What is summed of a header. */
  static final int CHECKED_HEADER_BYTES = HEADER_BYTES - CHECK_BYTES;

  static final int CHECKED_STATUS_BYTES = STATUS_BYTES + CHECK_BYTES;

  /** A status, an incarnation, and their sum. */
  static final int HELLO_ANSWER_BYTES = STATUS_BYTES + INCARNATION_BYTES + CHECK_BYTES;

  /**
   * The most bytes of a checked request: a target sums them in one go, while its other connections
   * wait.
   */
  static final long CHECKED_BYTES_LIMIT = 1L << 20;

  /**
   * In the place of a size, so that a hello whose opcode is damaged is refused whatever it has
   * become: no range is that long, and an identity frame has 0 there.
   */
  static final long HELLO_MARK = 0x4b43_4843_4554_5f7fL;

  /** In front of all else, between engines that have tokens; see {@link TokenGate}. */
  static final int OPCODE_TOKEN = 0x64;

  static final int STATUS_OK = 0;

  /** The range is not wholly inside one registered buffer, is empty, or overflows. */
  static final int STATUS_REJECTED = 1;

  /** Another engine was meant; in answer to an identity frame only. */
  static final int STATUS_ANOTHER = 2;

  /** All of a write arrived, but not as it was sent. The connection goes on. */
  static final int STATUS_DAMAGED_BODY = 3;

  /** A header or table is not as it was sent: nothing of it or behind it was done. */
  static final int STATUS_DAMAGED_REQUEST = 4;

  /** A token is wanted in front of all else; in answer to whatever came first. */
  static final int STATUS_TOKEN_WANTED = TokenExchange.WANTED;

  /** "VTCM" in the upper half of a status frame. */
  private static final long STATUS_MAGIC = 0x4D435456_00000000L;

  private static final VarHandle LONG_LE =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final VarHandle INT_LE =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);

  private Frames() {}

  static void writeHeader(long to, long size, long address, Operation operation, boolean version2) {
    MemoryWindow.setLongLE(to, size);
    MemoryWindow.setLongLE(to + 8, address);
    int opcode = operation == Operation.WRITE ? OPCODE_WRITE : OPCODE_READ;
    // The opcode and seven zero bytes of padding in one store.
    MemoryWindow.setLongLE(to + 16, version2 ? opcode | VERSION_2_BIT : opcode);
  }

  static void writeVectorHeader(long to, long size, int ranges, Operation operation) {
    MemoryWindow.setLongLE(to, size);
    MemoryWindow.setLongLE(to + 8, ranges);
    int opcode = operation == Operation.WRITE ? OPCODE_VECTOR_WRITE : OPCODE_VECTOR_READ;
    MemoryWindow.setLongLE(to + 16, opcode | VERSION_2_BIT);
  }

  static void writeIdentity(long to, long incarnation) {
    MemoryWindow.setLongLE(to, 0);
    MemoryWindow.setLongLE(to + 8, incarnation);
    MemoryWindow.setLongLE(to + 16, OPCODE_IDENTITY | VERSION_2_BIT);
  }

  static void writeHello(long to, long incarnation) {
    MemoryWindow.setLongLE(to, HELLO_MARK);
    MemoryWindow.setLongLE(to + 8, incarnation);
    MemoryWindow.setLongLE(to + 16, OPCODE_HELLO | VERSION_2_BIT);
  }

  /** Ends a header with the sum of what is in front of its last bytes. */
  static void sealHeader(long at, Checksum checksum) {
    int sum = checksum.begin().add(at, CHECKED_HEADER_BYTES).value();
    MemoryWindow.setIntLE(at + CHECKED_HEADER_BYTES, sum);
  }

  /** {@return whether a header ends with its sum} */
  static boolean isSealed(long at, Checksum checksum) {
    int sum = checksum.begin().add(at, CHECKED_HEADER_BYTES).value();
    return sum == MemoryWindow.getIntLE(at + CHECKED_HEADER_BYTES);
  }

  /** {@return whether a header ends with its sum} */
  static boolean isSealed(byte[] header, Checksum checksum) {
    return endsWithSum(header, CHECKED_HEADER_BYTES, checksum);
  }

  /** {@return whether the first bytes of an array are followed by their sum} */
  static boolean endsWithSum(byte[] bytes, int count, Checksum checksum) {
    return checksum.begin().add(bytes, count).value() == sum(bytes, count);
  }

  /** {@return the sum that stands at an index} */
  static int sum(byte[] bytes, int index) {
    return (int) INT_LE.get(bytes, index);
  }

  static void writeIncarnation(long to, long incarnation) {
    MemoryWindow.setLongLE(to, incarnation);
  }

  /** {@return the incarnation behind the status of an answer} */
  static long incarnation(byte[] answer) {
    return (long) LONG_LE.get(answer, STATUS_BYTES);
  }

  static void writeRange(long to, long address, long length) {
    MemoryWindow.setLongLE(to, address);
    MemoryWindow.setLongLE(to + 8, length);
  }

  /** {@return the address of a range of a table that was copied to the heap} */
  static long rangeAddress(byte[] table, int index) {
    return (long) LONG_LE.get(table, index * RANGE_BYTES);
  }

  static long rangeLength(byte[] table, int index) {
    return (long) LONG_LE.get(table, index * RANGE_BYTES + Long.BYTES);
  }

  static long headerSize(long from) {
    return MemoryWindow.getLongLE(from);
  }

  static long headerAddress(long from) {
    return MemoryWindow.getLongLE(from + 8);
  }

  /** {@return the opcode, 0 to 255; the padding behind it is garbage in C++ peers' headers} */
  static int headerOpcode(long from) {
    return MemoryWindow.getByte(from + 16) & 0xff;
  }

  static long headerSize(byte[] header) {
    return (long) LONG_LE.get(header, 0);
  }

  static long headerAddress(byte[] header) {
    return (long) LONG_LE.get(header, 8);
  }

  static int headerOpcode(byte[] header) {
    return header[16] & 0xff;
  }

  static void writeStatus(long to, int code) {
    MemoryWindow.setLongLE(to, STATUS_MAGIC | code);
  }

  /** {@return a status frame on the heap} */
  static ByteBuffer status(int code) {
    return ByteBuffer.allocate(STATUS_BYTES)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(0, STATUS_MAGIC | code);
  }

  /** {@return the code of a status frame, or -1 when it is no status frame} */
  static int statusCode(byte[] from) {
    long frame = (long) LONG_LE.get(from, 0);
    if ((frame & 0xFFFFFFFF_00000000L) != STATUS_MAGIC) {
      return -1;
    }
    int code = (int) frame;
    return code < 0 ? Integer.MAX_VALUE : code;
  }
}
