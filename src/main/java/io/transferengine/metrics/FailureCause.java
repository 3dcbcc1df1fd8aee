// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/** Why a transfer did not complete. */
public enum FailureCause {
  /** Its deadline passed. */
  TIMEOUT("timeout"),
  /** Its submitter canceled it. */
  CANCELED("canceled"),
  /** The peer refused a request, mostly for a range that is not registered there. */
  REMOTE_REFUSED("remote refused"),
  /** No connection could be made. */
  CONNECT("connect"),
  /** A connection broke. */
  CONNECTION_LOST("connection lost"),
  /** The peer sent something that the protocol does not allow. */
  PROTOCOL("protocol"),
  /** What was known of the peer's memory was no longer true, and still was not when asked again. */
  STALE_DESCRIPTOR("stale descriptor"),
  /** The peer's record is missing, broken or cannot be fetched. */
  METADATA("metadata"),
  /** The local memory or machine: unregistered under the transfer, or a failed system call. */
  LOCAL("local"),
  /** The engine was closed. */
  SHUTDOWN("shutdown"),
  /** None of these. */
  OTHER("other");

  private final String label;

  FailureCause(String label) {
    this.label = label;
  }

  /** {@return the name for a reader} */
  public String label() {
    return label;
  }
}
