// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import org.jspecify.annotations.Nullable;

/** What frames are laid into, one behind the other. */
interface FrameStream {
  /** What follows is in the stream whole or not at all. */
  void begin();

  /** What was begun is complete. */
  void commit();

  /** Takes back all that was laid since {@link #begin()}, as if it had never been. */
  void rollBack();

  /** {@return the length of the stream so far} */
  long queuedBytes();

  /**
   * {@return the address of {@code bytes} bytes to fill in now, the next of the stream}
   *
   * @throws StagingDry when there is no room for it
   */
  long reserve(int bytes);

  /** Copies a small body into the stream. */
  void copy(long address, int bytes);

  /**
   * Puts a body into the stream that is sent from where it lies.
   *
   * @param attachment told when the body needs its memory no more; may be null
   */
  void body(long address, long bytes, @Nullable Object attachment);
}
