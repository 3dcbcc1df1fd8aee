// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

/**
 * How long a lane has waited for its peer. What arrives is progress; so is what the kernel takes,
 * but only while there was no room for it, since then the peer has taken something. Else each new
 * request would hide that the peer has stood still for long.
 */
final class StallWatch {
  private long progressNanos = System.nanoTime();
  private long sentMark;
  private boolean waited;

  /** The peer has sent something, or what it is asked for is asked for only now. */
  void moved() {
    progressNanos = System.nanoTime();
  }

  /** As {@link #moved}, at some time before now. */
  void movedAt(long nanos) {
    progressNanos = nanos;
  }

  /** {@return whether nothing has moved for so long} To be asked every so often. */
  boolean isOver(OutboundStream outbound, long nowNanos, long limitNanos) {
    long mark = outbound.sentMark();
    if (waited && mark != sentMark) {
      progressNanos = nowNanos;
    }
    sentMark = mark;
    waited = !outbound.isDrained();
    return nowNanos - progressNanos > limitNanos;
  }
}
