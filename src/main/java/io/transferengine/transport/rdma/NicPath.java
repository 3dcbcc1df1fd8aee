// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.regex.Pattern;

/**
 * A NIC as handshakes name it, {@code <server>@<device>} (protocol section 5.3).
 *
 * @param server the segment's name, or its substitute in NIC paths
 * @param device the device's name at its owner
 */
record NicPath(String server, String device) {
  /** The longest path: much longer than any real one. */
  static final int LENGTH_MAX = 512;

  private static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9._-]{1,63}");
  private static final Pattern SERVER = Pattern.compile("[^\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}\\p{Zp}@]+");

  /** {@return the path in a text; with an empty device if the text has no {@code @}} */
  static NicPath parse(String text) {
    int at = text.lastIndexOf('@');
    return at < 0
        ? new NicPath(text, "")
        : new NicPath(text.substring(0, at), text.substring(at + 1));
  }

  /**
   * {@return whether a text is a NIC path that is short enough to keep and cannot forge log lines}
   */
  static boolean isValid(String text) {
    if (text.length() > LENGTH_MAX) {
      return false;
    }
    NicPath path = parse(text);
    return DEVICE.matcher(path.device).matches() && SERVER.matcher(path.server).matches();
  }

  @Override
  public String toString() {
    return server + "@" + device;
  }
}
