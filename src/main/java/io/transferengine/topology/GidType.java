// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

/** The kind of packets of a row of the GID table. */
public enum GidType {
  /** InfiniBand's own. */
  INFINIBAND("InfiniBand"),
  /** Ethernet frames, which no router forwards. */
  ROCE_V1("RoCE v1"),
  /** UDP over IP. */
  ROCE_V2("RoCE v2"),
  /** The kernel does not say. */
  UNKNOWN("unknown");

  private final String text;

  GidType(String text) {
    this.text = text;
  }

  /** {@return its name, for people} */
  public String text() {
    return text;
  }
}
