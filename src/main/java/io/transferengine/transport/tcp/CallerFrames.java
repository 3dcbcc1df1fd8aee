// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The few buffers of a transport in which callers lay what they send themselves. Each is taken for
 * moments only; who finds none lets the event loop send. Thread-safe.
 */
final class CallerFrames {
  /** More threads than this are seldom in the kernel at once for one small request each. */
  private static final int COUNT = 8;

  /** The bytes of one: a small body and its header. */
  static final int BYTES = StagingBlock.DIRECT_BYTES_MIN + 64;

  private final AtomicReferenceArray<@Nullable CallerFrame> free =
      new AtomicReferenceArray<>(COUNT);

  /** As many as there is memory for; without any the event loops send. */
  CallerFrames() {
    try {
      for (int i = 0; i < COUNT; i++) {
        free.set(i, new CallerFrame(i, BYTES));
      }
    } catch (OutOfMemoryError e) {
      // It counts as direct memory, of which there may be none.
    }
  }

  /** {@return an empty one; null if all are in use} The same one again and again, if it is free. */
  @Nullable CallerFrame take() {
    for (int i = 0; i < COUNT; i++) {
      CallerFrame frame = free.get(i) == null ? null : free.getAndSet(i, null);
      if (frame != null) {
        frame.clear();
        return frame;
      }
    }
    return null;
  }

  void giveBack(CallerFrame frame) {
    free.set(frame.index(), frame);
  }
}
