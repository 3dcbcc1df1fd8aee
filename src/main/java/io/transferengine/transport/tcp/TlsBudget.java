// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * What the TLS connections of an event loop may have encrypted ahead, all together, and as much
 * again for what they have read and cannot hand on yet. One record of each connection is outside of
 * it, each way: so nobody waits for peers that do not read, or whose answers have to drain, and one
 * that finds nothing left only goes on record by record.
 *
 * <p>Confined to the event loop.
 */
final class TlsBudget {
  private final Runnable onDry;
  private long leftBytes;
  private long heldLeftBytes;

  /**
   * @param limitBytes how much may be taken, each way
   * @param onDry told each time that too little was left
   */
  TlsBudget(long limitBytes, Runnable onDry) {
    this.onDry = onDry;
    leftBytes = limitBytes;
    heldLeftBytes = limitBytes;
  }

  /** {@return whether so many bytes were left; then they are taken} */
  boolean take(int bytes) {
    if (bytes > leftBytes) {
      onDry.run();
      return false;
    }
    leftBytes -= bytes;
    return true;
  }

  void giveBack(int bytes) {
    leftBytes += bytes;
  }

  /** Somebody holds so many bytes more of what was read, or less if negative. */
  void hold(int bytes) {
    heldLeftBytes -= bytes;
  }

  /** {@return whether more than a record may be read at once} */
  boolean mayReadMuch() {
    boolean may = heldLeftBytes > 0;
    if (!may) {
      onDry.run();
    }
    return may;
  }
}
