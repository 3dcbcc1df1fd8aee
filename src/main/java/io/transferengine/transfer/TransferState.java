// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** The state of a transfer. Order and names are those of Mooncake's engine. */
public enum TransferState {
  /** Accepted; nothing sent yet. */
  WAITING,
  /** Under way. */
  PENDING,
  /** Not a transfer: its arguments were refused. */
  INVALID,
  /** Ended by {@code Transfer.cancel()}. */
  CANCELED,
  /** Every byte is in the destination memory. */
  COMPLETED,
  /** Ended by its deadline. */
  TIMEOUT,
  /** Ended by an error; {@code Transfer.failure()} says which. */
  FAILED;

  /** {@return whether the state is final: the engine no longer touches the local memory} */
  public boolean isTerminal() {
    return this != WAITING && this != PENDING;
  }
}
