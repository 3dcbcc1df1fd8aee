// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transport.TransferTask;
import org.jspecify.annotations.Nullable;

/**
 * Settles the requests of one connection at their tasks: those that were answered, many at a time,
 * and, when the connection has ended, those that were not.
 *
 * <p>The one at fault fails, or comes back in smaller pieces; those that cannot have had an effect
 * go to another connection; and a write of which a byte was sent fails, unless the target has said
 * that it took nothing of it (ADR 10). Confined to the connection's event loop.
 */
final class Settlement {
  private final TcpPeer peer;
  private final RequestRing ring;

  private @Nullable TransferTask task;
  private int requests;
  private long bytes;

  Settlement(TcpPeer peer, RequestRing ring) {
    this.peer = peer;
    this.ring = ring;
  }

  /** The request at a position is done; its task is told with {@link #tell()}. */
  void answered(long position) {
    TransferTask owner = ring.task(position);
    if (owner == null) {
      return;
    }
    if (owner != task) {
      tell();
      task = owner;
    }
    requests++;
    bytes += ring.length(position);
  }

  /** Tells the tasks of what is done. */
  void tell() {
    TransferTask owner = task;
    if (owner != null) {
      task = null;
      int doneRequests = requests;
      long doneBytes = bytes;
      requests = 0;
      bytes = 0;
      owner.completed(doneRequests, doneBytes);
    }
  }

  /**
   * Settles all that is left in the ring; the connection touches no memory any more.
   *
   * @param sentBytes how much of the stream the kernel took
   */
  void unanswered(Ending ending, long sentBytes) {
    int refused =
        ending.why() == Ending.Why.REJECTED && ring.size() > 0 ? ring.ranges(ring.first()) : 0;
    TransferTask accused = refused > 1 ? ring.task(ring.first()) : null;
    if (accused != null) {
      // One of them is bad, and the target does not say which. It took nothing of the others.
      accused.sendOneByOne();
    }
    // From the newest on, each to the front: so they go out again in their order.
    for (long position = ring.end() - 1; position >= ring.first(); position--) {
      TransferTask owner = ring.task(position);
      if (owner != null) {
        unanswered(owner, position, ending, ring.streamStart(position) < sentBytes);
      }
    }
    ring.clear();
  }

  private void unanswered(TransferTask owner, long position, Ending ending, boolean sent) {
    boolean oldest = position == ring.first();
    boolean mayHaveEffect = sent && !ring.isRead(position);
    switch (ending.why()) {
      case REJECTED -> {
        if (oldest && ring.ranges(position) == 1) {
          rejected(owner, position);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case RENEWED -> giveBack(owner, position, sent);
      case PROTOCOL -> {
        if (oldest || mayHaveEffect) {
          owner.failed(failure(ending), FailureCause.PROTOCOL);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case ABORTED, LOST, NONE -> {
        boolean atFault =
            ending.why() == Ending.Why.LOST && oldest && sent && ending.answers() == 0;
        if (mayHaveEffect || atFault) {
          owner.failed(failure(ending), FailureCause.CONNECTION_LOST);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case SHUTDOWN -> owner.failed(failure(ending), FailureCause.SHUTDOWN);
    }
  }

  private TransferException failure(Ending ending) {
    return ending.failure(peer.name(), peer.isVersion2());
  }

  private void rejected(TransferTask owner, long position) {
    boolean goesOn =
        owner.rejected(
            ring.block(position),
            ring.local(position),
            ring.remote(position),
            ring.length(position),
            ring.unmerged(position),
            refusal(position));
    if (goesOn) {
      peer.requeue(owner);
    }
  }

  private void giveBack(TransferTask owner, long position, boolean sent) {
    if (sent) {
      peer.metrics().increment(Counter.REQUESTS_RESENT);
    }
    owner.giveBack(
        ring.block(position),
        ring.local(position),
        ring.remote(position),
        ring.length(position),
        ring.unmerged(position));
    peer.requeue(owner);
  }

  private TransferException refusal(long position) {
    return TransferException.withPeer(
        peer.name(),
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "the peer refused %d bytes at 0x%x: not wholly inside one of its registrations"
            .formatted(ring.length(position), ring.remote(position)),
        "Check the address and that the peer has registered the memory",
        null);
  }
}
