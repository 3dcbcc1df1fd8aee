// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * Who takes blocks of an event loop's staging: our own lanes, which leave none to others, or all
 * connections from one address. Such an address may have no more blocks than it leaves free. Alone
 * it so gets half of them, beside one other a third; and whoever comes later still finds some.
 *
 * <p>Confined to the event loop.
 */
final class StagingShare {
  private final int leftToLanes;
  private final boolean leavesToOthers;
  private int blocks;
  private int connections;

  private StagingShare(int leftToLanes, boolean leavesToOthers) {
    this.leftToLanes = leftToLanes;
    this.leavesToOthers = leavesToOthers;
  }

  /** {@return that of our lanes: all there is} */
  static StagingShare ofLanes() {
    return new StagingShare(0, false);
  }

  /**
   * {@return that of an address}
   *
   * @param leftToLanes blocks that no peer may have
   */
  static StagingShare ofAddress(int leftToLanes) {
    return new StagingShare(leftToLanes, true);
  }

  /** {@return whether it may take one of so many free blocks} */
  boolean mayTake(int free) {
    return free > leftToLanes + (leavesToOthers ? blocks : 0);
  }

  /** {@return whether another address, with none yet, could take one of so many free blocks} */
  boolean leavesSome(int free) {
    return leavesToOthers && free > leftToLanes;
  }

  /** It has one more. */
  void taken() {
    blocks++;
  }

  /** It has one less. */
  void givenBack() {
    blocks--;
  }

  /** A connection more takes from it. */
  void join() {
    connections++;
  }

  /** {@return whether that was the last connection} */
  boolean leave() {
    connections--;
    return connections == 0;
  }
}
