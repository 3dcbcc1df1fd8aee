// SPDX-License-Identifier: Apache-2.0
package io.transferengine.memory;

import java.lang.foreign.MemorySegment;

/**
 * Where a {@link MemoryPool} takes its slabs from and gives them back to, and what memory that is.
 * Thread-safe. None of its methods is called with a lock of the pool held.
 */
public interface MemorySource {

  /** A piece of memory that was taken and not given back. */
  interface Slab {
    /** {@return where it begins: above 0, and a multiple of the largest page} */
    long address();

    /** {@return its length in bytes, exactly what was asked for} */
    long bytes();

    /**
     * {@return a part of it, to be handed out} Any thread may use it until the slab is given back.
     * Where the processor must not touch the memory, it is a segment at that address that has no
     * length: the JDK refuses every access to it.
     *
     * @param offset from the slab's beginning
     * @param length in bytes; the part ends within the slab
     */
    MemorySegment part(long offset, long length);

    /**
     * {@return the descriptor of the sealed memfd that it is all of, which other processes of our
     * user may map; -1 if it is of none}
     */
    default int descriptor() {
      return -1;
    }

    /**
     * Gives it back. Called once; nothing of this library touches it any more.
     *
     * @throws IllegalStateException when somebody else still does; then the memory is lost
     */
    void giveBack();
  }

  /**
   * {@return where its memory is, as published to peers: {@code *}, {@code cpu:0}, {@code cuda:3}}
   */
  String location();

  /** {@return what its memory is} */
  default MemoryKind kind() {
    return MemoryKind.at(location());
  }

  /** {@return whether the processor may read and write its memory by its address} */
  default boolean isTouchable() {
    return kind().isHost();
  }

  /**
   * Takes a slab, which holds zeros. May take seconds.
   *
   * @param bytes above 0
   * @throws OutOfMemoryError when there is not as much
   * @throws io.transferengine.transfer.TransferException when the source has another reason, which
   *     it says
   */
  Slab take(long bytes);
}
