// SPDX-License-Identifier: Apache-2.0
package io.transferengine.verbs;

import io.transferengine.bindings.Ibv;

/** The packet sizes of the verbs, in bytes and as {@code enum ibv_mtu}. */
enum Mtu {
  BYTES_256(256, Ibv.IBV_MTU_256()),
  BYTES_512(512, Ibv.IBV_MTU_512()),
  BYTES_1024(1024, Ibv.IBV_MTU_1024()),
  BYTES_2048(2048, Ibv.IBV_MTU_2048()),
  BYTES_4096(4096, Ibv.IBV_MTU_4096());

  private final int bytes;
  private final int raw;

  Mtu(int bytes, int raw) {
    this.bytes = bytes;
    this.raw = raw;
  }

  /** {@return the bytes, 0 for a number that is not in verbs.h} */
  static int bytesOf(int raw) {
    for (Mtu mtu : values()) {
      if (mtu.raw == raw) {
        return mtu.bytes;
      }
    }
    return 0;
  }

  /**
   * {@return C's number for {@code bytes}}
   *
   * @throws IllegalArgumentException if there is no such size
   */
  static int rawOf(int bytes) {
    for (Mtu mtu : values()) {
      if (mtu.bytes == bytes) {
        return mtu.raw;
      }
    }
    throw new IllegalArgumentException(
        "Path MTU of " + bytes + " bytes: verbs know 256, 512, 1024, 2048 and 4096");
  }
}
