// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;

/**
 * Writes JSON as jsoncpp's FastWriter does, byte for byte: in ASCII, without white space. The
 * caller writes the members of an object in byte order, as jsoncpp's map does. Not thread-safe.
 *
 * <p>In strings, {@code "}, {@code \} and five control characters have short escapes. Other control
 * characters and all above 0x7f are written as {@code \}{@code uxxxx} in lower-case hex, as
 * surrogate pairs if needed. {@code /} and 0x7f are not escaped. Half a surrogate pair, which
 * jsoncpp's reader refuses, becomes U+FFFD.
 */
final class JsonWriter {
  /** The order of members in jsoncpp: by the UTF-8 bytes of their names. */
  static final Comparator<String> BYTE_ORDER =
      (a, b) ->
          Arrays.compareUnsigned(
              a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));

  private static final String HEX = "0123456789abcdef";

  private final StringBuilder out;

  /** Whether a comma goes before the next element or member. */
  private boolean separate;

  JsonWriter(int expectedLengthBytes) {
    out = new StringBuilder(expectedLengthBytes);
  }

  JsonWriter beginObject() {
    return begin('{');
  }

  JsonWriter endObject() {
    return end('}');
  }

  JsonWriter beginArray() {
    return begin('[');
  }

  JsonWriter endArray() {
    return end(']');
  }

  JsonWriter member(String name) {
    comma();
    quote(name);
    out.append(':');
    separate = false;
    return this;
  }

  JsonWriter value(String text) {
    comma();
    quote(text);
    return this;
  }

  JsonWriter value(boolean flag) {
    comma();
    out.append(flag);
    return this;
  }

  /** Writes an unsigned 64-bit number. */
  JsonWriter unsigned(long number) {
    comma();
    if (number >= 0) {
      out.append(number);
    } else {
      out.append(Long.toUnsignedString(number));
    }
    return this;
  }

  byte[] toBytes() {
    return out.toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  private JsonWriter begin(char bracket) {
    comma();
    out.append(bracket);
    separate = false;
    return this;
  }

  private JsonWriter end(char bracket) {
    out.append(bracket);
    separate = true;
    return this;
  }

  private void comma() {
    if (separate) {
      out.append(',');
    }
    separate = true;
  }

  private void quote(String text) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (c >= 0x20 && c < 0x80) {
            out.append(c);
          } else if (Character.isHighSurrogate(c)
              && i + 1 < text.length()
              && Character.isLowSurrogate(text.charAt(i + 1))) {
            escape(c);
            escape(text.charAt(++i));
          } else {
            escape(Character.isSurrogate(c) ? '\ufffd' : c);
          }
        }
      }
    }
    out.append('"');
  }

  private void escape(char c) {
    out.append("\\u")
        .append(HEX.charAt(c >> 12))
        .append(HEX.charAt((c >> 8) & 0xf))
        .append(HEX.charAt((c >> 4) & 0xf))
        .append(HEX.charAt(c & 0xf));
  }
}
