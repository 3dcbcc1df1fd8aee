// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;

/** The rule for the names of segments (protocol section 2). */
public final class SegmentNames {
  private SegmentNames() {}

  /**
   * {@return {@code name} without its leading slashes; this form is cached and looked up}
   *
   * @throws TransferException INVALID_ARGUMENT if nothing is left
   */
  public static String normalize(String name) {
    int start = 0;
    while (start < name.length() && name.charAt(start) == '/') {
      start++;
    }
    if (start == name.length()) {
      throw new TransferException(
          ErrorCode.INVALID_ARGUMENT,
          "the segment name \"" + name + "\" is empty",
          "Give the peer's name: host:port in P2P mode, else the name that the peer registered");
    }
    return name.substring(start);
  }
}
