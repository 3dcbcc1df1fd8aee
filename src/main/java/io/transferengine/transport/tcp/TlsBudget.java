// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * What the TLS connections of an event loop may have encrypted ahead, all together. One record of
 * each connection is outside of it: so nobody waits for peers that do not read, and one that finds
 * nothing left only goes on record by record.
 *
 * <p>Confined to the event loop.
 */
final class TlsBudget {
  private final Runnable onDry;
  private long leftBytes;

  /**
   * @param limitBytes how much may be taken
   * @param onDry told each time that too little was left
   */
  TlsBudget(long limitBytes, Runnable onDry) {
    this.onDry = onDry;
    leftBytes = limitBytes;
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
}
