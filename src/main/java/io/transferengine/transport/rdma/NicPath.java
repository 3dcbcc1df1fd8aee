// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import java.util.regex.Pattern;

/**
 * A NIC as handshakes name it, {@code <server>@<device>} (protocol section 5.3).
 *
 * @param server the segment's name, or what stands for it
 * @param device the device's name at its owner
 */
record NicPath(String server, String device) {
  /** A segment's name, an {@code @} and a device's name: far above any real one. */
  static final int LENGTH_MAX = 512;

  private static final Pattern DEVICE = Pattern.compile("[A-Za-z0-9._-]{1,63}");
  private static final Pattern SERVER = Pattern.compile("[^\\p{Cntrl}@]+");

  /** {@return what a text names; without a device where there is no {@code @}} */
  static NicPath parse(String text) {
    int at = text.lastIndexOf('@');
    return at < 0
        ? new NicPath(text, "")
        : new NicPath(text.substring(0, at), text.substring(at + 1));
  }

  /** {@return whether a text is one, short enough to be kept and without what could forge a log} */
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
