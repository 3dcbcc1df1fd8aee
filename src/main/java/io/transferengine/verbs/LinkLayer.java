// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** What a port speaks underneath. */
public enum LinkLayer {
  /** The device does not say; InfiniBand, by verbs' convention. */
  UNSPECIFIED(Ibv.IBV_LINK_LAYER_UNSPECIFIED()),
  /** InfiniBand: peers are addressed by LID, too. */
  INFINIBAND(Ibv.IBV_LINK_LAYER_INFINIBAND()),
  /** Ethernet, that is RoCE: peers are addressed by GID only. */
  ETHERNET(Ibv.IBV_LINK_LAYER_ETHERNET());

  private final int raw;

  LinkLayer(int raw) {
    this.raw = raw;
  }

  /** {@return the layer, {@link #UNSPECIFIED} for a number that is not in verbs.h} */
  static LinkLayer of(int raw) {
    for (LinkLayer layer : values()) {
      if (layer.raw == raw) {
        return layer;
      }
    }
    return UNSPECIFIED;
  }
}
