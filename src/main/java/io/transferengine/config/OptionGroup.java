// SPDX-License-Identifier: Apache-2.0
package io.transferengine.config;

/** The tables of the configuration page, in its order. */
public enum OptionGroup {
  /** Names, metadata, the handshake port, deadlines: Mooncake's variables. */
  ENGINE("Engine"),
  /** The TCP transport: Mooncake's variables. */
  TCP("TCP"),
  /** The RDMA transport: Mooncake's variables. */
  RDMA("RDMA"),
  /** Metadata services: Mooncake's variables and ours. */
  METADATA("Metadata services"),
  /** TLS and tokens between engines: ours. */
  TLS("TLS and tokens between engines"),
  /** Options for which Mooncake has no variable. */
  OWN("Our own");

  private final String title;

  OptionGroup(String title) {
    this.title = title;
  }

  /** {@return the heading of the table} */
  public String title() {
    return title;
  }
}
