// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/** Why a transfer did not complete. */
public enum FailureCause {
  /** Its deadline passed. */
  TIMEOUT("timeout"),
  /** The caller canceled it. */
  CANCELED("canceled"),
  /** The peer refused a request, mostly because the range is not registered there. */
  REMOTE_REFUSED("remote refused"),
  /** No connection could be made. */
  CONNECT("connect"),
  /** A connection broke. */
  CONNECTION_LOST("connection lost"),
  /** The peer sent something that the protocol does not allow. */
  PROTOCOL("protocol"),
  /**
   * Bytes arrived that are not those that were sent, also when they were sent again; or checksums
   * are required and the peer has none.
   */
  CHECKSUM("checksum"),
  /** The peer's memory had changed, and asking again did not help. */
  STALE_DESCRIPTOR("stale descriptor"),
  /** The peer's record is missing, broken or cannot be fetched. */
  METADATA("metadata"),
  /**
   * The local memory or machine: memory was unregistered during the transfer, or a system call
   * failed.
   */
  LOCAL("local"),
  /** The engine was closed. */
  SHUTDOWN("shutdown"),
  /** None of these. */
  OTHER("other");

  private final String label;

  FailureCause(String label) {
    this.label = label;
  }

  /** {@return its name, for people} */
  public String label() {
    return label;
  }
}
