// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;

/** How large a RoCE packet is that fits into the frames of a network interface. */
public final class RoceMtu {
  /** What InfiniBand has, in bytes, largest first; netdevs have any. */
  private static final List<Integer> SIZES = List.of(4096, 2048, 1024, 512, 256);

  /**
   * What Linux sets aside for headers: IPv6, UDP, BTH, XRC, atomics, ICRC (iboe_get_mtu in
   * ib_addr.h). Soft-RoCE sets aside 16 bytes less.
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
   * {@return the path MTU in bytes, 256 to 4096; empty when not even the smallest fits}
   *
   * @param netdevMtuBytes the MTU of the network interface
   */
  public static OptionalInt within(int netdevMtuBytes) {
    return SIZES.stream()
        .filter(size -> size <= netdevMtuBytes - HEADERS_BYTES)
        .mapToInt(Integer::intValue)
        .findFirst();
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
