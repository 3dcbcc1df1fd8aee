// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/** The sum behind a body, as it arrives. Confined to an event loop. */
final class TrailingSum {
  private final byte[] bytes = new byte[Frames.CHECK_BYTES];
  private int missing;

  /** It is next. */
  void expect() {
    missing = bytes.length;
  }

  /** {@return how many bytes of it have not arrived; 0 also when none is expected} */
  int missingBytes() {
    return missing;
  }

  /** Takes in the next bytes, no more than {@code most}; {@return how many} */
  int take(long from, long most) {
    int taken = (int) Math.min(missing, most);
    MemoryWindow.copy(from, bytes, bytes.length - missing, taken);
    missing -= taken;
    return taken;
  }

  /** {@return what it says} */
  int value() {
    return Frames.sum(bytes, 0);
  }
}
