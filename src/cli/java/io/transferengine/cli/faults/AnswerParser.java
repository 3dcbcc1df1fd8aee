// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import java.io.ByteArrayOutputStream;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Follows the answers on a data connection. */
final class AnswerParser extends Parser {
  private static final int CODE_BYTES = 4;

  /** The body of a write was damaged; the connection goes on. */
  private static final int DAMAGED_BODY = 3;

  private final Supplier<@Nullable Request> requests;
  private final Landing landing;
  private @Nullable Request request;
  private int code;
  private boolean waiting = true;

  /** Bytes for which nobody had asked; whoever asks next takes them for the answer. */
  private final ByteArrayOutputStream early = new ByteArrayOutputStream();

  private boolean unasked;

  /**
   * @param requests the oldest request without an answer; null if there is none
   * @param landing hears of the bytes that are read
   */
  AnswerParser(Supplier<@Nullable Request> requests, Landing landing) {
    this.requests = requests;
    this.landing = landing;
  }

  @Override
  void prepare(byte[] bytes, int offset, int count) {
    if (!waiting) {
      return;
    }
    waiting = false;
    code = 0;
    do {
      request = requests.get();
      // A version 1 write has no answer, nor has a version 1 read of nothing.
    } while (request != null && !request.hasStatus() && bodyBytes() == 0);
    if (request == null) {
      giveUp();
      unasked = true;
    } else if (request.hasStatus()) {
      begin(Part.STATUS, request.statusBytes());
    } else {
      begin(Part.READ_BODY, bodyBytes());
    }
  }

  /**
   * Something was asked for. What changed bytes left over may have waited for it in the receiver's
   * socket.
   */
  void asked() {
    if (unasked) {
      unasked = false;
      waiting = true;
      byte[] held = early.toByteArray();
      early.reset();
      take(held, 0, held.length);
    }
  }

  private long bodyBytes() {
    return request == null || request.writes() ? 0 : request.bodyBytes();
  }

  @Override
  void consume(byte[] bytes, int offset, int count) {
    if (part() == Part.STATUS) {
      for (int i = 0; i < count; i++) {
        long at = taken() + i;
        code |= at < CODE_BYTES ? (bytes[offset + i] & 0xff) << (at * Byte.SIZE) : 0;
      }
    } else if (part() == Part.READ_BODY && request != null) {
      request.place(taken(), bytes, offset, count, landing);
    } else if (unasked) {
      early.write(bytes, offset, count);
    }
  }

  @Override
  void next() {
    if (part() == Part.STATUS && code != 0 && !(isChecked() && code == DAMAGED_BODY)) {
      giveUp(); // The connection ends.
    } else if (part() == Part.STATUS && code == 0 && bodyBytes() > 0) {
      begin(Part.READ_BODY, bodyBytes());
    } else if (part() == Part.READ_BODY && isChecked()) {
      begin(Part.CHECKSUM, Checksum.BYTES);
    } else {
      waiting = true;
    }
  }

  private boolean isChecked() {
    return request != null && request.isChecked();
  }
}
