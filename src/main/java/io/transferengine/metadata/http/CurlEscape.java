// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.http;

import java.nio.charset.StandardCharsets;

/**
 * Percent-encoding, byte for byte as curl does it. The server inside mooncake_master stores keys as
 * they arrive, still encoded: another encoding would be another key (protocol section 2).
 */
final class CurlEscape {
  private static final String HEX = "0123456789ABCDEF";

  private CurlEscape() {}

  /** {@return {@code text} in UTF-8 with all but {@code A-Z a-z 0-9 - . _ ~} encoded} */
  static String of(String text) {
    StringBuilder out = new StringBuilder(text.length() * 2);
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      if (isPlain(b)) {
        out.append((char) b);
      } else {
        out.append('%').append(HEX.charAt((b >> 4) & 0xf)).append(HEX.charAt(b & 0xf));
      }
    }
    return out.toString();
  }

  private static boolean isPlain(byte b) {
    return (b >= 'A' && b <= 'Z')
        || (b >= 'a' && b <= 'z')
        || (b >= '0' && b <= '9')
        || b == '-'
        || b == '.'
        || b == '_'
        || b == '~';
  }
}
