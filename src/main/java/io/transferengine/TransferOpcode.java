// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.transfer.Operation;

/** The direction of a transfer, as Mooncake names it. */
public enum TransferOpcode {
  /** From the peer's memory into ours. */
  READ,
  /** From our memory into the peer's. */
  WRITE;

  Operation operation() {
    return switch (this) {
      case READ -> Operation.READ;
      case WRITE -> Operation.WRITE;
    };
  }
}
