// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A gate of a peer's area, and fences that were found open after it had become the open gate: they
 * stay so for whoever passes it. Thread-safe.
 */
final class Gate {
  /** A power of two. Where two fences meet, the one asked for last is known. */
  private static final int KNOWN = 256;

  private final long address;
  private final AtomicLongArray known = new AtomicLongArray(KNOWN);

  Gate(long address) {
    this.address = address;
  }

  long address() {
    return address;
  }

  private static int place(long fence) {
    return (int) fence & KNOWN - 1;
  }

  boolean isKnown(long fence) {
    return known.get(place(fence)) == fence;
  }

  void note(long fence) {
    known.set(place(fence), fence);
  }
}
