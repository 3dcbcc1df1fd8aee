// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.wire.SegmentDescriptor;
import java.util.HexFormat;
import java.util.OptionalLong;

/** The incarnation of an engine as text, in its descriptor, and as a number, in a frame. */
final class Incarnations {
  private static final int DIGITS = 16;

  private Incarnations() {}

  /** {@return the number that 16 hex digits say; empty for any other text} */
  static OptionalLong number(String text) {
    if (text.length() != DIGITS || !text.chars().allMatch(HexFormat::isHexDigit)) {
      return OptionalLong.empty();
    }
    return OptionalLong.of(HexFormat.fromHexDigitsToLong(text));
  }

  /** {@return the text in a descriptor that says so} */
  static String text(long number) {
    return HexFormat.of().toHexDigits(number);
  }

  /** {@return what to ask a peer's data port for; empty when the peer does not answer that} */
  static OptionalLong toAskFor(SegmentDescriptor peer) {
    boolean answers =
        peer.tcpProtoVersion() >= 2 && peer.tcpIdentityVersion() >= Frames.IDENTITY_VERSION;
    return answers ? number(peer.incarnation().orElse("")) : OptionalLong.empty();
  }
}
