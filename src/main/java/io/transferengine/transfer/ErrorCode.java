// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transfer;

/**
 * Why something failed: the numbers that Mooncake's engine uses (protocol section 10.5), so that
 * code ported from Python or C++ finds the values it tests for. {@link #CANCELED}, {@link #TIMEOUT}
 * and {@link #CLOSED} are our own: Mooncake has no number for them and says -1.
 */
public enum ErrorCode {
  /**
   * A null, zero, negative, malformed or contradictory argument; also the facade's general refusal.
   */
  INVALID_ARGUMENT(-1),
  /** The transfer was canceled, or the thread that waited was interrupted. */
  CANCELED(-1),
  /** The deadline of a transfer was over, or it made no progress for too long. */
  TIMEOUT(-1),
  /** The engine was closed, before or meanwhile. */
  CLOSED(-1),
  /** A bounded table is full. */
  TOO_MANY_REQUESTS(-2),
  /** A range that is not wholly inside one registration. */
  ADDRESS_NOT_REGISTERED(-3),
  /** Something is still in flight. */
  BATCH_BUSY(-4),
  /** No network device of the asked name or kind. */
  DEVICE_NOT_FOUND(-6),
  /** A registration that overlaps another one. */
  ADDRESS_OVERLAPPED(-7),
  /** A host name that does not resolve. */
  DNS(-101),
  /** A connection that could not be made, broke, or carried something unexpected. */
  SOCKET(-102),
  /** Text from a peer that is not the JSON it should be. */
  MALFORMED_JSON(-103),
  /** A peer that refused to pair queue pairs with us. */
  REJECT_HANDSHAKE(-104),
  /** A metadata record that is missing, broken or cannot be fetched. */
  METADATA(-200),
  /** A queue pair that could not be made or moved to a state. */
  ENDPOINT(-201),
  /** A device, protection domain or memory region that could not be set up. */
  CONTEXT(-202),
  /** Memory that could not be had. */
  MEMORY(-302),
  /** Not built in. */
  NOT_IMPLEMENTED(-303);

  private final int value;

  ErrorCode(int value) {
    this.value = value;
  }

  /** {@return the negative number in the facade; several codes may share one} */
  public int value() {
    return value;
  }
}
