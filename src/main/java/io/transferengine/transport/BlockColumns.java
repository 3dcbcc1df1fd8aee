// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

/**
 * The blocks of one batch as columns: block {@code i} moves {@code length(i)} bytes between {@code
 * local(i)} here and {@code remote(i)} at the peer. Immutable; every block is at least one byte
 * long and lies inside one local registration, which the engine has checked.
 */
public interface BlockColumns {
  /** {@return the number of blocks} */
  int count();

  /** {@return the address in this process of block {@code index}} */
  long local(int index);

  /** {@return the address at the peer of block {@code index}} */
  long remote(int index);

  /** {@return the length in bytes of block {@code index}, at least 1} */
  long length(int index);
}
