// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metrics;

/** What an engine holds at the moment. It is looked at once a second or more often. */
public enum Gauge {
  /**
   * Bytes of answers that peers have asked for over TCP and that the kernel has not taken, because
   * they do not read, or not fast enough. Large blocks wait where they are registered, and so cost
   * no memory; small ones in the staging memory; with TLS some are encrypted, on the heap. What the
   * kernel holds is not in it.
   */
  INBOUND_BYTES_QUEUED("Inbound bytes queued"),
  /** Bytes of the staging memory that are in use, for peers' requests and our own. */
  STAGING_BYTES_IN_USE("Staging bytes in use");

  private final String label;

  Gauge(String label) {
    this.label = label;
  }

  /** {@return its name, for people} */
  public String label() {
    return label;
  }
}
