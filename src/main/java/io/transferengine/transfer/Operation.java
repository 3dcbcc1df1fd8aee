// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** The direction of a one-sided transfer, seen from the initiator. */
public enum Operation {
  /** From the peer's memory into ours. */
  READ,
  /** From our memory into the peer's. */
  WRITE
}
