// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;

/** The checksum of checked connections. Stateless. */
final class Checksum {
  static final int BYTES = Integer.BYTES;

  private Checksum() {}

  /** {@return one from the wire} */
  static int read(byte[] bytes) {
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getInt();
  }

  static int of(byte[] bytes, int offset, int length) {
    CRC32C sum = new CRC32C();
    sum.update(bytes, offset, length);
    return (int) sum.getValue();
  }
}
