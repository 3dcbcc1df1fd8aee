// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** What a byte on a connection belongs to, see docs/PROTOCOL.md. */
public enum Part {
  /** A connection that has just been taken; it has no bytes. */
  CONNECTION,
  /** The 24 bytes that name the target's incarnation. */
  IDENTITY,
  /** The 24 bytes of a request. */
  HEADER,
  /** The ranges of a vectored request. */
  TABLE,
  /** What a request writes. */
  WRITE_BODY,
  /** The 8 bytes of an answer. */
  STATUS,
  /** What a request reads. */
  READ_BODY,
  /** Length and type of a handshake's request. */
  ASKED_FRAME,
  /** The text of a handshake's request. */
  ASKED_TEXT,
  /** Length and type of a handshake's reply. */
  SAID_FRAME,
  /** The text of a handshake's reply. */
  SAID_TEXT,
  /** Bytes that are not understood: of another protocol, or behind an error. */
  OTHER
}
