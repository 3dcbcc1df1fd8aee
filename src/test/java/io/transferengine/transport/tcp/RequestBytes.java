// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Requests as peers write them, by the protocol page and none of our own code (section 7). */
final class RequestBytes {
  private static final int HEADER_BYTES = 24;

  private RequestBytes() {}

  /** {@return a header alone} */
  static byte[] header(long size, long address, int opcode) {
    byte[] header = new byte[HEADER_BYTES];
    var _ = header(header, size, address, opcode);
    return header;
  }

  /** {@return a frame whose header is written, to write on behind it} */
  static ByteBuffer header(byte[] frame, long size, long address, int opcode) {
    return ByteBuffer.wrap(frame)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(size)
        .putLong(address)
        .putLong(opcode);
  }
}
