// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.transport.PeerEnd;
import org.jspecify.annotations.Nullable;

/**
 * What ends a lane or its connection, on the lane's event loop. Classes, for the same reason as
 * {@link LaneCancel}: they run seldom, and perhaps first in a full heap.
 */
final class LaneEnds {
  /** A lane, on its event loop. */
  interface Of {
    /** The lane opens no connection any more. */
    void closeHere(PeerEnd why);

    /**
     * A connection ends when its work is done.
     *
     * @param named the one that there was; null for the one that there is
     */
    void retireHere(@Nullable LaneConnection named);
  }

  private LaneEnds() {}

  /** Closes a lane for good. */
  static final class Close implements Runnable {
    private final Of lane;
    private final PeerEnd why;

    Close(Of lane, PeerEnd why) {
      this.lane = lane;
      this.why = why;
    }

    @Override
    public void run() {
      lane.closeHere(why);
    }
  }

  /** Ends a lane's connection to where the peer was. */
  static final class Retire implements Runnable {
    private final Of lane;
    private final @Nullable LaneConnection named;

    Retire(Of lane, @Nullable LaneConnection named) {
      this.lane = lane;
      this.named = named;
    }

    @Override
    public void run() {
      lane.retireHere(named);
    }
  }
}
