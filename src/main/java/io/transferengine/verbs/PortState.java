// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** The state of a device's port: {@code enum ibv_port_state}. Only {@link #ACTIVE} moves data. */
public enum PortState {
  /** Unknown to the device. */
  NOP(Ibv.IBV_PORT_NOP()),
  /** No link. */
  DOWN(Ibv.IBV_PORT_DOWN()),
  /** A link that the subnet manager has not seen. */
  INIT(Ibv.IBV_PORT_INIT()),
  /** Configured, not yet used. */
  ARMED(Ibv.IBV_PORT_ARMED()),
  /** In use. */
  ACTIVE(Ibv.IBV_PORT_ACTIVE()),
  /** The port recovers from a link error. */
  ACTIVE_DEFER(Ibv.IBV_PORT_ACTIVE_DEFER());

  private final int raw;

  PortState(int raw) {
    this.raw = raw;
  }

  /** {@return the state, {@link #NOP} for a number that is not in verbs.h} */
  static PortState of(int raw) {
    for (PortState state : values()) {
      if (state.raw == raw) {
        return state;
      }
    }
    return NOP;
  }
}
