// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.OptionalInt;

/** What the frames of a network interface have to do with the packets of RoCE in them. */
public final class RoceMtu {
  /**
   * What Linux sets aside for headers: IPv6, UDP, BTH, XRC, atomics, ICRC (iboe_get_mtu in
   * ib_addr.h). Soft-RoCE sets aside 16 bytes less, so this is enough for it, too.
   */
  private static final int HEADERS_BYTES = 96;

  private RoceMtu() {}

  /**
   * {@return the MTU of a network interface in bytes; empty when it does not exist}
   *
   * @param sysRoot {@code /sys}, or a folder that looks like it
   * @param netdev from {@link GidEntry#netdev}
   */
  public static OptionalInt ofInterface(Path sysRoot, String netdev) {
    return SysFiles.number(sysRoot.resolve("class/net").resolve(netdev).resolve("mtu"));
  }

  /**
   * {@return the MTU in bytes that a network interface needs}
   *
   * @param pathMtuBytes the path MTU to make room for
   */
  public static int neededFor(int pathMtuBytes) {
    return pathMtuBytes + HEADERS_BYTES;
  }
}
