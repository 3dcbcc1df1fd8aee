// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/** Whether requests that this engine sends over TCP carry checksums of all their bytes. */
public enum ChecksumMode {
  /** No; TCP's own checksum has to do. */
  OFF,
  /** CRC-32C, where the peer can; a warning and a counter tell of those that cannot. */
  CRC32C,
  /** CRC-32C; transfers fail that would go without it. */
  REQUIRE_CRC32C
}
