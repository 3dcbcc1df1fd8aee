// SPDX-License-Identifier: Apache-2.0
package io.transferengine.buffers;

/** A buffer of which its own library counts the users. */
public interface CountedBuffer {
  /** Counts one more user, so that the memory stays where it is. */
  void retain();

  /** Counts one less. */
  void release();

  /**
   * Called once when its bytes have moved, before {@link #release}: sets indices, or does nothing.
   */
  void moved();
}
