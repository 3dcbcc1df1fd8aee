// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * Says how much of a lane's requests there is staging for, and wakes the lane when it had to wait.
 * Confined to the connection's event loop.
 */
final class LaneStaging {
  /** The lane; on its event loop. */
  interface Listener {
    /** What was meant for this lane need not wait with it: other loops may have staging. */
    void stagingDry();

    /** It may claim again. */
    void stagingFree();
  }

  private final WindowPool pool;
  private final Listener listener;
  private final WireHandler connection;
  private boolean waiting;

  LaneStaging(WindowPool pool, Listener listener, WireHandler connection) {
    this.pool = pool;
    this.listener = listener;
    this.connection = connection;
  }

  /** {@return how many of {@code wanted} bytes may be claimed now; 0 to be woken later} */
  long bytes(long wanted) {
    long bytes = waiting ? 0 : pool.laneBytes(wanted);
    if (bytes == 0) {
      await();
    }
    return bytes;
  }

  /** What was claimed found less than had been said: nothing more is claimed until some is back. */
  void waitIfDry(Throwable thrown) {
    if (thrown instanceof StagingDry) {
      await();
    }
  }

  private void await() {
    if (!waiting) {
      waiting = true;
      pool.whenFree(new Freed());
      // Told once, or two lanes without any would wake each other for ever.
      listener.stagingDry();
    }
  }

  /** {@return whether one header can be laid; if not, the lane is woken when it can} */
  boolean hasHeader(OutboundStream outbound) {
    return outbound.hasReserved(Frames.HEADER_BYTES) || bytes(Frames.HEADER_BYTES) > 0;
  }

  /** For when the pool has some again. */
  private final class Freed implements Runnable {
    @Override
    public void run() {
      try {
        waiting = false;
        listener.stagingFree();
      } catch (Throwable t) {
        connection.fault(t);
      }
    }
  }
}
