// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

/**
 * A NIC as handshakes name it, {@code <server>@<device>} (protocol section 5.3).
 *
 * @param server the segment's name, or what stands for it
 * @param device the device's name at its owner
 */
record NicPath(String server, String device) {
  /** {@return what a text names; without a device where there is no {@code @}} */
  static NicPath parse(String text) {
    int at = text.lastIndexOf('@');
    return at < 0
        ? new NicPath(text, "")
        : new NicPath(text.substring(0, at), text.substring(at + 1));
  }

  @Override
  public String toString() {
    return server + "@" + device;
  }
}
