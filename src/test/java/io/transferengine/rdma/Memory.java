// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;

/** A range of this process or of the peer, to fill and to compare. */
interface Memory {
  long address();

  /** Fills a part with the bytes that a pattern has at {@code offset}. */
  void fill(long offset, long length, long seed);

  /** {@return where a part first differs from a pattern that begins at another offset, or -1} */
  long mismatch(long offset, long length, long seed, long patternOffset);

  static Memory here(long address) {
    return new Memory() {
      @Override
      public long address() {
        return address;
      }

      @Override
      public void fill(long offset, long length, long seed) {
        Pattern.fill(Mapped.at(address + offset, length), seed, offset);
      }

      @Override
      public long mismatch(long offset, long length, long seed, long patternOffset) {
        return Pattern.firstMismatch(Mapped.at(address + offset, length), seed, patternOffset);
      }
    };
  }

  static Memory of(PeerProcess peer, long address) {
    return new Memory() {
      @Override
      public long address() {
        return address;
      }

      @Override
      public void fill(long offset, long length, long seed) {
        peer.ask("fill", address + offset, length, seed, offset);
      }

      @Override
      public long mismatch(long offset, long length, long seed, long patternOffset) {
        return peer.mismatch(address + offset, length, seed, patternOffset);
      }
    };
  }
}
