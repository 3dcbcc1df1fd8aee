// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.nio.ByteBuffer;

/** Follows one direction of a TLS 1.3 connection, record by record (RFC 8446, section 5.1). */
final class RecordParser extends Parser {
  private static final int HEAD_BYTES = 5;
  private static final int LENGTH_OFFSET = 3;

  private static final int HANDSHAKE = 22;
  private static final int ALERT = 21;
  private static final int SEALED = 23;

  /** Level and kind, the true type, and the tag of 16 bytes: nothing else of ours is as short. */
  private static final int SEALED_ALERT_BYTES = 2 + 1 + 16;

  /** Certificates, signatures and what ends a handshake are in about as many records. */
  private static final int HANDSHAKE_RECORDS = 4;

  private final byte[] head = new byte[HEAD_BYTES];
  private boolean inBody;
  private int sealed;

  RecordParser() {
    begin(Part.RECORD_HEAD, HEAD_BYTES);
  }

  @Override
  void prepare(byte[] bytes, int offset, int count) {}

  @Override
  void consume(byte[] bytes, int offset, int count) {
    if (!inBody) {
      System.arraycopy(bytes, offset, head, (int) taken(), count);
    }
  }

  @Override
  void next() {
    int length = Short.toUnsignedInt(ByteBuffer.wrap(head).getShort(LENGTH_OFFSET));
    inBody = !inBody && length > 0;
    if (inBody) {
      begin(body(head[0], length), length);
    } else {
      begin(Part.RECORD_HEAD, HEAD_BYTES);
    }
  }

  private Part body(int type, int length) {
    return switch (type) {
      case HANDSHAKE -> Part.HELLO;
      case ALERT -> Part.ALERT;
      case SEALED -> {
        if (length == SEALED_ALERT_BYTES) {
          yield Part.ALERT;
        }
        yield sealed++ < HANDSHAKE_RECORDS ? Part.SEALED_HANDSHAKE : Part.SEALED;
      }
      default -> Part.OTHER; // A change of ciphers, which says nothing any more.
    };
  }
}
