// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.target;

/**
 * Where the memory of both sides of a measurement is.
 *
 * @param here that of the initiator
 * @param target that of the target
 */
public record MemoryPlaces(MemoryPlace here, MemoryPlace target) {
  /** Memory of the host on both sides. */
  public static final MemoryPlaces HOST = new MemoryPlaces(MemoryPlace.HOST, MemoryPlace.HOST);

  /** {@return whether both are registered memory of the host} */
  public boolean isHost() {
    return equals(HOST);
  }

  @Override
  public String toString() {
    return here + " here, " + target + " there";
  }
}
