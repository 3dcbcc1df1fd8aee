// SPDX-License-Identifier: Apache-2.0
package io.transferengine.handshake;

/** One message with its payload. The frame owns the bytes: nobody changes them any more. */
public final class HandshakeFrame {
  private final MessageType type;
  private final byte[] payload;

  /** Takes over {@code payload}: JSON that normally ends with a newline. */
  public HandshakeFrame(MessageType type, byte[] payload) {
    this.type = type;
    this.payload = payload;
  }

  /** {@return what kind of message it is} */
  public MessageType type() {
    return type;
  }

  /** {@return the JSON as it was read or will be sent; not a copy} */
  public byte[] payload() {
    return payload;
  }
}
