// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

/** How many allocations of other processes' devices one engine has open. Thread-safe. */
final class ImportRoom {
  /** As many as a peer offers. Each takes as much address space as it is long, and no memory. */
  static final int LIMIT = AreaLayout.HANDLES;

  private final int limit;
  private int taken;

  ImportRoom(int limit) {
    this.limit = limit;
  }

  /** {@return whether there was room for one more} */
  synchronized boolean take() {
    if (taken == limit) {
      return false;
    }
    taken++;
    return true;
  }

  /** One was closed. */
  synchronized void give() {
    taken--;
  }

  /** {@return how many there are} */
  synchronized int taken() {
    return taken;
  }
}
