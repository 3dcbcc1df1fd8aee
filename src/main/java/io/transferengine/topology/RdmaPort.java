// SPDX-License-Identifier: Apache-2.0
package io.transferengine.topology;

/**
 * A port of an RDMA device, as sysfs shows it.
 *
 * @param number 1 to 255
 * @param state the kernel's name of its state, e.g. {@code ACTIVE}, {@code DOWN}, {@code INIT}
 * @param linkLayer {@code InfiniBand} or {@code Ethernet} (RoCE)
 * @param hasGid whether any row of its GID table is filled; without one it cannot connect
 */
public record RdmaPort(int number, String state, String linkLayer, boolean hasGid) {
  private static final String ACTIVE = "ACTIVE";
  private static final String INFINIBAND = "InfiniBand";

  /** {@return whether its link is up} */
  public boolean active() {
    return state.equals(ACTIVE);
  }

  /** {@return whether its link is InfiniBand, whose GIDs need no network interface} */
  public boolean infiniBand() {
    return linkLayer.equals(INFINIBAND);
  }
}
