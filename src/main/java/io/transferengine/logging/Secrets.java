// SPDX-License-Identifier: Apache-2.0
package io.transferengine.logging;

import java.util.regex.Pattern;

/** Keeps passwords out of logs and error texts. */
public final class Secrets {
  /** The part after the path; it may hold tokens. */
  private static final Pattern QUERY = Pattern.compile("(\\?)[^#]+");

  private Secrets() {}

  /**
   * {@return an address or URL that is safe to show: user, password and query are replaced by
   * stars}
   *
   * @param address any text; it need not be an address
   */
  public static String masked(String address) {
    // Hides all before the last @: a password with slashes or commas would mislead a URL parser.
    int at = address.lastIndexOf('@');
    int scheme = address.indexOf("://");
    int begin = scheme >= 0 && scheme < at ? scheme + 3 : 0;
    String withoutUser =
        at < 0 ? address : address.substring(0, begin) + "***" + address.substring(at);
    return QUERY.matcher(withoutUser).replaceFirst("$1***");
  }
}
