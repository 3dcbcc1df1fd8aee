// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/**
 * Why something failed. The numbers are those of Mooncake's engine (protocol section 10.5), so that
 * code ported from Python or C++ finds the values it tests for. Some codes are our own and share a
 * number: {@link #CANCELED}, {@link #TIMEOUT} and {@link #CLOSED}, for which Mooncake returns -1,
 * {@link #CHECKSUM}, {@link #JSON_TOO_LARGE} and {@link #METADATA_UNAVAILABLE}.
 */
public enum ErrorCode {
  /**
   * A null, zero, negative, malformed or contradictory argument; also any other refusal by {@code
   * TransferEngine}.
   */
  INVALID_ARGUMENT(-1),
  /** The transfer was canceled, or the thread that waited was interrupted. */
  CANCELED(-1),
  /** A transfer passed its deadline, or made no progress for too long. */
  TIMEOUT(-1),
  /** The engine was closed, before or meanwhile. */
  CLOSED(-1),
  /** A bounded table is full. */
  TOO_MANY_REQUESTS(-2),
  /** A range is not wholly inside one registration. */
  ADDRESS_NOT_REGISTERED(-3),
  /** Memory is still in use by a transfer. */
  BATCH_BUSY(-4),
  /** There is no network device of that name or kind. */
  DEVICE_NOT_FOUND(-6),
  /** A registration overlaps another one. */
  ADDRESS_OVERLAPPED(-7),
  /** A host name does not resolve. */
  DNS(-101),
  /** A connection could not be made, broke, or carried something unexpected. */
  SOCKET(-102),
  /**
   * What arrived is not what was sent, also when it was sent again; or checksums are required and
   * the peer has none.
   */
  CHECKSUM(-102),
  /** Text from a peer is not the expected JSON. */
  MALFORMED_JSON(-103),
  /** JSON from a peer exceeds a limit of ours. */
  JSON_TOO_LARGE(-103),
  /** A peer refused to connect queue pairs with us. */
  REJECT_HANDSHAKE(-104),
  /** A metadata record is missing or broken, or the service refuses to read or write it. */
  METADATA(-200),
  /**
   * The metadata service cannot be reached or did not answer in time. Nothing is known about the
   * record.
   */
  METADATA_UNAVAILABLE(-200),
  /** A queue pair could not be made, or not moved to a state. */
  ENDPOINT(-201),
  /** A device, protection domain or memory region could not be set up. */
  CONTEXT(-202),
  /** Memory could not be allocated. */
  MEMORY(-302),
  /** Not built in. */
  NOT_IMPLEMENTED(-303);

  private final int value;

  ErrorCode(int value) {
    this.value = value;
  }

  /**
   * {@return the negative number that {@code TransferEngine} returns; several codes may share one}
   */
  public int value() {
    return value;
  }
}
