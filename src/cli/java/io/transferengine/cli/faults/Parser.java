// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** Follows one direction of a connection, part by part. Not thread-safe. */
abstract class Parser {
  private static final long UNLIMITED = Long.MAX_VALUE;

  private Part part = Part.OTHER;
  private long length = UNLIMITED;
  private long taken;

  /** {@return a parser of bytes that are not understood} */
  static Parser opaque() {
    return new Parser() {
      @Override
      void prepare(byte[] bytes, int offset, int count) {}

      @Override
      void consume(byte[] bytes, int offset, int count) {}

      @Override
      void next() {}
    };
  }

  /** Bytes are there; the part that they begin with is known afterwards, if that is possible. */
  abstract void prepare(byte[] bytes, int offset, int count);

  /** Looks at bytes of this part. */
  abstract void consume(byte[] bytes, int offset, int count);

  /** A part has ended. */
  abstract void next();

  final Part part() {
    return part;
  }

  final long taken() {
    return taken;
  }

  final long length() {
    return length;
  }

  final int within(int count) {
    return (int) Math.min(count, length - taken);
  }

  /** Takes bytes, of as many parts as there are. */
  final void take(byte[] bytes, int offset, int count) {
    int done = 0;
    while (done < count) {
      prepare(bytes, offset + done, count - done);
      int here = within(count - done);
      consume(bytes, offset + done, here);
      done += here;
      advance(here);
    }
  }

  private void advance(int count) {
    if (length == UNLIMITED) {
      return;
    }
    taken += count;
    if (taken == length) {
      next();
    }
  }

  final void begin(Part next, long nextLength) {
    part = next;
    length = nextLength;
    taken = 0;
  }

  /** What follows is not understood. */
  final void giveUp() {
    begin(Part.OTHER, UNLIMITED);
  }
}
