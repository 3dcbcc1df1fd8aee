// SPDX-License-Identifier: Apache-2.0
package io.transferengine.access;

/**
 * What peers may do with a registered range. It binds peers only: the engine's own transfers may
 * use the range as their source and as their destination whatever its rights are.
 */
public enum AccessRights {
  /** Peers may read and write; the default. */
  READ_WRITE("read and write"),
  /** Peers may read. A write is refused. */
  READ_ONLY("only read"),
  /** Peers may write. A read is refused. */
  WRITE_ONLY("only write");

  private final String text;

  AccessRights(String text) {
    this.text = text;
  }

  /** {@return whether peers may read} */
  public boolean mayRead() {
    return this != WRITE_ONLY;
  }

  /** {@return whether peers may write} */
  public boolean mayWrite() {
    return this != READ_ONLY;
  }

  /** {@return what peers may do, to follow "peers may"} */
  public String text() {
    return text;
  }
}
