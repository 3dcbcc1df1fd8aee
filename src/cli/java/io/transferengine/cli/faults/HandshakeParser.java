// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Follows one direction of a connection to a handshake daemon: length, type, text. */
final class HandshakeParser extends Parser {
  private static final int FRAME_BYTES = 9;

  private final Part frame;
  private final Part text;
  private final byte[] head = new byte[FRAME_BYTES];

  HandshakeParser(Part frame, Part text) {
    this.frame = frame;
    this.text = text;
    begin(frame, FRAME_BYTES);
  }

  @Override
  void prepare(byte[] bytes, int offset, int count) {}

  @Override
  void consume(byte[] bytes, int offset, int count) {
    if (part() == frame) {
      System.arraycopy(bytes, offset, head, (int) taken(), count);
    }
  }

  @Override
  void next() {
    if (part() == text) {
      begin(frame, FRAME_BYTES);
      return;
    }
    long length = ByteBuffer.wrap(head).order(ByteOrder.LITTLE_ENDIAN).getLong() - 1;
    if (length < 0) {
      giveUp();
    } else if (length == 0) {
      begin(frame, FRAME_BYTES);
    } else {
      begin(text, length);
    }
  }
}
