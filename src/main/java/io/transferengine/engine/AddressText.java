// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import java.net.Inet6Address;
import java.net.InetAddress;

/** IPv6 addresses in their shortest form (RFC 5952), as other programs write them. Stateless. */
final class AddressText {
  private static final int GROUPS = 8;

  private AddressText() {}

  /** {@return the address, with its zone on this machine, if any} */
  static String of(InetAddress address) {
    if (!(address instanceof Inet6Address six)) {
      return address.getHostAddress();
    }
    String full = six.getHostAddress();
    int zone = full.indexOf('%');
    return zone < 0 ? compressed(full) : compressed(full.substring(0, zone)) + full.substring(zone);
  }

  /** {@return a host without its zone, which has a meaning on one machine only} */
  static String withoutZone(String host) {
    int zone = host.indexOf('%');
    return zone < 0 ? host : host.substring(0, zone);
  }

  /** The longest run of at least two zeros becomes {@code ::}; of equal runs the first. */
  private static String compressed(String eightGroups) {
    String[] groups = eightGroups.split(":", -1);
    int start = -1;
    int longest = 1;
    for (int i = 0; i < GROUPS; i++) {
      int end = i;
      while (end < GROUPS && groups[end].equals("0")) {
        end++;
      }
      if (end - i > longest) {
        longest = end - i;
        start = i;
      }
    }
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < GROUPS; i++) {
      if (i == start) {
        text.append("::");
        i += longest - 1;
        continue;
      }
      if (!text.isEmpty() && text.charAt(text.length() - 1) != ':') {
        text.append(':');
      }
      text.append(groups[i]);
    }
    return text.toString();
  }
}
