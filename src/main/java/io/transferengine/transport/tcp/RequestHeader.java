// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * The header of an inbound request that arrived in pieces, or that waits until there is room for
 * its answer. On the heap: thousands of idle connections have one each.
 */
final class RequestHeader {
  private final byte[] bytes = new byte[Frames.HEADER_BYTES];
  private int count;

  /** {@return whether no byte of a header is here} */
  boolean isEmpty() {
    return count == 0;
  }

  boolean isComplete() {
    return count == bytes.length;
  }

  /** {@return the bytes that have not arrived yet} */
  int missingBytes() {
    return bytes.length - count;
  }

  /** Takes in the next bytes, no more than are missing. */
  void add(long from, int length) {
    MemoryWindow.copy(from, bytes, count, length);
    count += length;
  }

  /** Makes room for the next one. */
  void clear() {
    count = 0;
  }

  /** {@return whether it ends with its sum} */
  boolean isSealed(Checksum checksum) {
    return Frames.isSealed(bytes, checksum);
  }

  long size() {
    return Frames.headerSize(bytes);
  }

  long address() {
    return Frames.headerAddress(bytes);
  }

  int opcode() {
    return Frames.headerOpcode(bytes);
  }
}
