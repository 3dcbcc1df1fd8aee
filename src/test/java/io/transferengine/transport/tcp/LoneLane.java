// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.TransferException;
import java.net.InetSocketAddress;

/** The peer of a lane that has no other beside it, and that does nothing about what it is told. */
interface LoneLane extends Lane.Owner {
  @Override
  default boolean wantsWarmUp() {
    return false;
  }

  @Override
  default void warmedUp() {}

  @Override
  default boolean connectFailed(InetSocketAddress address, long beganNanos, Throwable cause) {
    return false;
  }

  @Override
  default void connectionFruitless(
      int inARow, long beganNanos, TransferException failure, FailureCause cause) {}

  @Override
  default void belongsToAnother(TransferException failure) {}

  @Override
  default void wakeOthers(Lane dry) {}

  @Override
  default void wakeAnother(Lane full) {}

  @Override
  default boolean hasIdleLaneBeside(Lane asking) {
    return false;
  }
}
