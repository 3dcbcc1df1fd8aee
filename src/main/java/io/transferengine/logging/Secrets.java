// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import java.util.regex.Pattern;

/** Keeps passwords out of logs and error texts. */
public final class Secrets {
  /** What stands before the last {@code @} of a host, with or without a scheme before it. */
  private static final Pattern USER_INFO = Pattern.compile("(^|://|[;,])[^/?#;,]*@");

  /** What stands behind the path, where tokens travel. */
  private static final Pattern QUERY = Pattern.compile("(\\?)[^#]+");

  private Secrets() {}

  /**
   * {@return an address or URL as it may be shown: user, password and query are stars}
   *
   * @param address anything, also what is no address
   */
  public static String masked(String address) {
    String withoutUser = USER_INFO.matcher(address).replaceAll("$1***@");
    // A slash in a password ends what looks like the host: then all before the last @ goes.
    int at = withoutUser.lastIndexOf('@');
    if (at >= 0 && !withoutUser.startsWith("***@", at - 3)) {
      int scheme = withoutUser.indexOf("://");
      int begin = scheme >= 0 && scheme < at ? scheme + 3 : 0;
      withoutUser = withoutUser.substring(0, begin) + "***" + withoutUser.substring(at);
    }
    return QUERY.matcher(withoutUser).replaceFirst("$1***");
  }
}
