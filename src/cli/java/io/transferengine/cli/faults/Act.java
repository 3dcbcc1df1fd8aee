// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** What a fault does to a connection, or to the processes at its ends. */
public enum Act {
  /** Both ends get a reset. */
  RESET,
  /** Both ends see an orderly end. */
  CLOSE,
  /** The receiver sees an orderly end; the sender goes on, and is not told. */
  TRUNCATE,
  /** Nothing more passes in this direction, until the fault is over. */
  STALL,
  /** Nothing passes for a moment. */
  DELAY,
  /** The next bytes arrive one by one. */
  TRICKLE,
  /** One bit arrives inverted. */
  FLIP,
  /** Some bytes arrive twice. */
  DUPLICATE,
  /** Some bytes do not arrive. */
  DROP,
  /** Something is done to a process; the bytes pass. */
  DEED;

  /** {@return whether it changes bytes, which no network does that checks its packets} */
  public boolean changesBytes() {
    return this == FLIP || this == DUPLICATE || this == DROP;
  }
}
