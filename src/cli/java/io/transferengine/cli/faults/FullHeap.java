// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

import org.jspecify.annotations.Nullable;

/**
 * Fills the heap of this JVM, which should have little of it, and gives it back piece by piece. For
 * one thread.
 */
public final class FullHeap {
  private static final int PIECE_BYTES_MAX = 1 << 16;
  private static final int PIECE_BYTES_MIN = 1 << 10;

  /** Chains, since a list would have to grow: of pieces, the smallest first, and of less. */
  private @Nullable Piece pieces;

  private @Nullable Object crumbs;

  /** Nothing filled yet. */
  public FullHeap() {}

  private static final class Piece {
    final byte[] bytes;
    final @Nullable Piece next;

    Piece(int length, @Nullable Piece next) {
      this.bytes = new byte[length];
      this.next = next;
    }
  }

  /** From now on there is no room for the smallest thing, until others let go of what they have. */
  public void fill() {
    // The heap has its last reserves only after it was full once.
    for (int pass = 0; pass < 2; pass++) {
      for (int piece = PIECE_BYTES_MAX; piece >= PIECE_BYTES_MIN; piece >>= 3) {
        fillWith(piece);
      }
      try {
        while (true) {
          crumbs = new Object[] {crumbs};
        }
      } catch (OutOfMemoryError full) {
        // As it should be.
      }
    }
  }

  private void fillWith(int piece) {
    try {
      while (true) {
        pieces = new Piece(piece, pieces);
      }
    } catch (OutOfMemoryError full) {
      // As it should be.
    }
  }

  /** Gives back what is too small for a piece. */
  public void releaseCrumbs() {
    crumbs = null;
  }

  /** Gives back at most so many pieces, of a KiB or more each. {@return whether any is left} */
  public boolean release(int count) {
    for (int i = 0; i < count && pieces != null; i++) {
      pieces = pieces.next;
    }
    return pieces != null;
  }

  /** Gives back all. */
  public void release() {
    crumbs = null;
    pieces = null;
  }

  /** {@return the bytes that it holds in pieces} */
  public long heldBytes() {
    long held = 0;
    for (Piece piece = pieces; piece != null; piece = piece.next) {
      held += piece.bytes.length;
    }
    return held;
  }
}
