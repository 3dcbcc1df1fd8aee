// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.faults;

/** Hears of the bytes of bodies. */
@FunctionalInterface
interface Landing {
  /** Bytes for, or of, an address in the target. */
  void bytes(long address, byte[] bytes, int offset, int count);
}
