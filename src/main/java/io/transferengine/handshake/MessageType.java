// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

/** The kinds of handshake messages (protocol section 5.1). */
public enum MessageType {
  /** Connects queue pairs. */
  CONNECTION(0),
  /** Asks for the segment descriptor. */
  METADATA(1),
  /** Carries a notification. */
  NOTIFY(2),
  /** Asks for a sign of life. */
  PROBE(3),
  /** A part of an exchange of tokens, in front of all others; between our engines alone. */
  TOKEN(4),
  /** A Connection message of a peer before v0.3.0, which sends no type byte. */
  OLD_PROTOCOL(-1);

  private final int wireValue;

  MessageType(int wireValue) {
    this.wireValue = wireValue;
  }

  /** {@return the byte on the wire; -1 for {@link #OLD_PROTOCOL}, which has no type byte} */
  public int wireValue() {
    return wireValue;
  }
}
