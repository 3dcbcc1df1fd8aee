// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import java.util.regex.Pattern;

/** Keeps passwords out of logs and error texts. */
public final class Secrets {
  /** What stands behind the path, where tokens travel. */
  private static final Pattern QUERY = Pattern.compile("(\\?)[^#]+");

  private Secrets() {}

  /**
   * {@return an address or URL as it may be shown: user, password and query are stars}
   *
   * @param address anything, also what is no address
   */
  public static String masked(String address) {
    // All before the last @: slashes and commas in a password end what looks like the host.
    int at = address.lastIndexOf('@');
    int scheme = address.indexOf("://");
    int begin = scheme >= 0 && scheme < at ? scheme + 3 : 0;
    String withoutUser =
        at < 0 ? address : address.substring(0, begin) + "***" + address.substring(at);
    return QUERY.matcher(withoutUser).replaceFirst("$1***");
  }
}
