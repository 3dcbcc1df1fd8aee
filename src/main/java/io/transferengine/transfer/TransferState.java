// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** Where a transfer stands. The order and names are those of Mooncake's engine. */
public enum TransferState {
  /** Accepted; nothing sent yet. */
  WAITING,
  /** Under way. */
  PENDING,
  /** Never a transfer: its arguments were refused. */
  INVALID,
  /** Ended by {@link Transfer#cancel()}. */
  CANCELED,
  /** Every byte is in the destination memory. */
  COMPLETED,
  /** Ended by its deadline. */
  TIMEOUT,
  /** Ended by an error; {@link Transfer#failure()} says which. */
  FAILED;

  /** {@return whether the state is final: the engine touches the local memory no more} */
  public boolean isTerminal() {
    return this != WAITING && this != PENDING;
  }
}
