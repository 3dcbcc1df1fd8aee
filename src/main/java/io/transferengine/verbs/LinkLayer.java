// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** A port's link layer. */
public enum LinkLayer {
  /** The device does not state it. By convention of the verbs, it is InfiniBand. */
  UNSPECIFIED(Ibv.IBV_LINK_LAYER_UNSPECIFIED()),
  /** InfiniBand: peers are addressed by LID too. */
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
