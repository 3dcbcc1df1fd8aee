// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

/**
 * Other processes that copy from and to the blocks of a pool by themselves. They ask nobody, but
 * look up before each copy what is handed out, and say meanwhile that they copy. So a block that is
 * freed may be handed out again when those copies have ended that had begun before.
 *
 * <p>Thread-safe. The pool makes changes one after another.
 */
public interface PeerCopies {
  /** From now on peers may copy from and to {@code length} bytes from {@code offset} on. */
  void admit(long offset, long length);

  /** Copies that begin from now on leave the block at {@code offset} alone. */
  void refuse(long offset);

  /**
   * {@return a number that stands for all copies that may be under way now} Throws nothing, and a
   * full heap is no matter. A later one stands for those as well.
   */
  long underWay();

  /** {@return whether the copies that a number stands for have ended} Does not wait. */
  boolean areOver(long number);

  /**
   * Waits until they have; those of a process that has ended have, too. Not to be called with a
   * lock.
   *
   * @return whether they have ended within {@code nanos}
   */
  boolean await(long number, long nanos);
}
