// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** What a byte on a connection belongs to, see docs/PROTOCOL.md; with TLS, RFC 8446. */
public enum Part {
  /** A connection that has just been taken; it has no bytes. */
  CONNECTION,
  /** The 24 bytes that name the target's incarnation, and may ask for checksums. */
  IDENTITY,
  /** The 24 bytes of a request. */
  HEADER,
  /** The ranges of a vectored request. */
  TABLE,
  /** What a request writes. */
  WRITE_BODY,
  /** An answer, with its checksum. */
  STATUS,
  /** What a request reads. */
  READ_BODY,
  /** The checksum of a table or a body. */
  CHECKSUM,
  /** Length and type of a handshake's request. */
  ASKED_FRAME,
  /** The text of a handshake's request. */
  ASKED_TEXT,
  /** Length and type of a handshake's reply. */
  SAID_FRAME,
  /** The text of a handshake's reply. */
  SAID_TEXT,
  /** The 5 bytes before a TLS record. */
  RECORD_HEAD,
  /** The hello of either side. */
  HELLO,
  /** One of the first encrypted records of a direction, which hold the rest of the handshake. */
  SEALED_HANDSHAKE,
  /** An encrypted record behind those. */
  SEALED,
  /** An alert, encrypted or not. Each side of a handshake connection ends with one. */
  ALERT,
  /** Bytes that are not understood: of another protocol, or behind an error. */
  OTHER
}
