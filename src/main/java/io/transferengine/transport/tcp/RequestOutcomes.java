// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.TransferTask;
import java.util.function.Consumer;
import java.util.function.LongPredicate;
import org.jspecify.annotations.Nullable;

/**
 * Tells tasks what became of their requests on one connection: those that were answered, many at a
 * time, and, when the connection has ended, those that were not.
 *
 * <p>The one at fault fails, or comes back in smaller pieces; those that cannot have had an effect
 * go to another connection; and a write of which a byte was sent fails, unless the target has said
 * that it refused it (ADR 10): it took nothing of it then, or met memory of its own that is gone.
 * Confined to the connection's event loop.
 */
final class RequestOutcomes {
  /** Here, so that it is made with the first connection. */
  @SuppressWarnings("StaticAssignmentOfThrowable") // its text is all that is wanted of it
  private static final TransferException WORDLESS = LocalFaults.WORDLESS;

  private final PeerProfile peer;
  private final LaneTasks tasks;
  private final RequestRing ring;
  private final Consumer<UnconfirmedWrite> confirmNext;

  private @Nullable TransferTask task;
  private int requests;
  private long bytes;

  /**
   * @param confirmNext what has a write confirmed on the next connection
   */
  RequestOutcomes(
      PeerProfile peer, LaneTasks tasks, RequestRing ring, Consumer<UnconfirmedWrite> confirmNext) {
    this.peer = peer;
    this.tasks = tasks;
    this.ring = ring;
    this.confirmNext = confirmNext;
  }

  /** The request at a position is done; its task is told with {@link #tell()}. */
  void answered(long position) {
    TransferTask owner = ring.task(position);
    if (owner == null) {
      if (!ring.isRead(position)) {
        tasks.lateWriteArrived(ring, position);
      }
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
   * The requests from {@code head} on are in the ring, but could not be put into the stream: the
   * one at fault fails, the others go back to their tasks. All do when there was no staging.
   */
  void notSent(long head, long accused, Throwable fault) {
    boolean dry = fault instanceof StagingDry;
    if (!dry && !LocalFaults.isOfMemory(fault)) {
      peer.faults()
          .fault(
              "A request for %s could not be sent, by a fault of this process", peer.name(), fault);
    }
    for (long position = ring.end() - 1; position >= head; position--) {
      TransferTask owner = ring.task(position);
      if (owner != null) {
        try {
          if (position == accused && !dry) {
            faulted(owner, position, fault);
          } else {
            giveBack(owner, position, false);
          }
        } catch (Throwable t) {
          unsettled(owner, position, t);
        }
      }
      ring.removeLast();
    }
  }

  /** The memory of a read is gone; its body is still to be taken off the connection. */
  void lost(long position, Throwable fault) {
    TransferTask owner = ring.task(position);
    if (owner != null) {
      tell();
      faulted(owner, position, fault);
      ring.orphan(position);
    }
  }

  /**
   * All the bytes of a frame are here, or at the peer, but not as they were sent: its requests go
   * out once more, and fail the next time.
   */
  void damaged(long head, int count, String what) {
    tell();
    boolean counted = false;
    for (long position = head + count - 1; position >= head; position--) {
      TransferTask owner = ring.task(position);
      if (owner != null) {
        if (!counted) {
          // Before anybody is told of the end that this may be.
          peer.metrics().increment(Counter.CHECKSUM_MISMATCHES);
          counted = true;
        }
        damaged(owner, position, what);
      }
    }
  }

  private void damaged(TransferTask owner, long position, String what) {
    if (owner.repeats().take(ring.remote(position))) {
      giveBack(owner, position, true);
    } else {
      owner.failed(
          LocalFaults.damaged(
              peer.name(),
              "%s, twice: %d bytes at 0x%x there, 0x%x here"
                  .formatted(
                      what, ring.length(position), ring.remote(position), ring.local(position))),
          FailureCause.CHECKSUM);
      ring.orphan(position);
    }
  }

  private void faulted(TransferTask owner, long position, Throwable fault) {
    owner.failed(
        LocalFaults.ofRange(peer.name(), ring.local(position), ring.length(position), fault),
        FailureCause.LOCAL);
  }

  /**
   * Takes those requests of a task that has ended off it.
   *
   * @param isFree whether nothing looks at the memory of a request any more
   * @return whether none is left
   */
  boolean orphan(TransferTask ended, LongPredicate isFree) {
    tell();
    int orphaned = 0;
    boolean all = true;
    try {
      for (long position = ring.first(); position < ring.end(); position++) {
        if (ring.task(position) == ended) {
          if (isFree.test(position)) {
            if (!ring.isRead(position)) {
              tasks.writeIsLate(ring, position);
            }
            ring.orphan(position);
            orphaned++;
          } else {
            all = false;
          }
        }
      }
    } finally {
      // Those that were taken off are settled, whatever the next one threw.
      if (orphaned > 0) {
        peer.metrics().add(Counter.REQUESTS_ORPHANED, orphaned);
        ended.orphaned(orphaned);
      }
    }
    return all;
  }

  /**
   * Settles all that is left in the ring; the connection touches no memory any more.
   *
   * @param sentBytes how much of the stream the kernel took
   */
  void unanswered(ConnectionEnd end, long sentBytes) {
    if (end.reason() == ConnectionEnd.Reason.DAMAGED) {
      count(Counter.CHECKSUM_MISMATCHES);
    }
    int refused =
        end.reason() == ConnectionEnd.Reason.REJECTED && ring.size() > 0
            ? ring.ranges(ring.first())
            : 0;
    TransferTask accused = refused > 1 ? ring.task(ring.first()) : null;
    if (accused != null) {
      // One of them is bad, and the target does not say which. The others may go out again.
      accused.sendOneByOne();
    }
    // From the newest on, each to the front: so they go out again in their order.
    try {
      for (long position = ring.end() - 1; position >= ring.first(); position--) {
        TransferTask owner = ring.task(position);
        if (owner != null) {
          try {
            unanswered(owner, position, end, ring.streamStart(position) < sentBytes);
          } catch (Throwable t) {
            unsettled(owner, position, t);
          }
        }
      }
    } finally {
      ring.clear();
      tasks.lateWritesGone(ring);
    }
  }

  /**
   * What should have settled a request threw: it fails, unless it was settled before that, and the
   * others are settled all the same.
   */
  private void unsettled(TransferTask owner, long position, Throwable fault) {
    if (ring.task(position) != null) {
      owner.failed(words(fault), FailureCause.LOCAL);
    }
    try {
      peer.faults().fault("A request to %s could not be settled as it should", peer.name(), fault);
    } catch (Throwable unlogged) {
      // No memory for that. It is settled.
    }
  }

  private void unanswered(TransferTask owner, long position, ConnectionEnd end, boolean sent) {
    if (ring.confirms(position)) {
      unconfirmed(owner, position, end);
      return;
    }
    boolean oldest = position == ring.first();
    boolean mayHaveEffect = sent && !ring.isRead(position);
    switch (end.reason()) {
      case REJECTED -> {
        if (oldest && ring.ranges(position) == 1) {
          rejected(owner, position);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case DAMAGED -> {
        if (position < ring.first() + ring.ranges(ring.first())) {
          damaged(owner, position, end.text());
        } else {
          giveBack(owner, position, sent);
        }
      }
      case RENEWED, IDLE -> giveBack(owner, position, sent);
      case ANOTHER -> owner.failed(failure(end), FailureCause.STALE_DESCRIPTOR);
      case PROTOCOL -> {
        if (oldest || mayHaveEffect) {
          owner.failed(failure(end), FailureCause.PROTOCOL);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case FAULT -> {
        if (mayHaveEffect) {
          owner.failed(failure(end), FailureCause.LOCAL);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case ABORTED, LOST, OUTDATED, NONE -> {
        boolean atFault =
            end.reason() == ConnectionEnd.Reason.LOST && oldest && sent && end.answers() == 0;
        if (mayHaveEffect || atFault) {
          owner.failed(failure(end), FailureCause.CONNECTION_LOST);
        } else {
          giveBack(owner, position, sent);
        }
      }
      case SHUTDOWN -> owner.failed(failure(end), FailureCause.SHUTDOWN);
    }
  }

  /** Its write is not repeated: it most likely was taken. To ask once more does no harm. */
  private void unconfirmed(TransferTask owner, long position, ConnectionEnd end) {
    switch (end.reason()) {
      case LOST, PROTOCOL, ANOTHER, OUTDATED ->
          owner.failed(failure(end), FailureCause.CONNECTION_LOST);
      case SHUTDOWN -> owner.failed(failure(end), FailureCause.SHUTDOWN);
      case NONE, IDLE, ABORTED, REJECTED, RENEWED, FAULT, DAMAGED -> {
        UnconfirmedWrite write = ring.write(position);
        if (owner.isEnding()) {
          // Nobody will ask the lane to cancel it any more.
          write.dropped();
        } else {
          confirmNext.accept(write);
        }
      }
    }
  }

  private TransferException failure(ConnectionEnd end) {
    return end.failure(peer.name(), peer.isVersion2());
  }

  private TransferException words(Throwable fault) {
    try {
      return LocalFaults.ofConnection(peer.name(), fault);
    } catch (Throwable again) {
      return WORDLESS;
    }
  }

  /** A count may take memory the first time; nothing is left unsettled for that. */
  private void count(Counter counter) {
    try {
      peer.metrics().increment(counter);
    } catch (Throwable uncounted) {
      // Less was counted than happened.
    }
  }

  private void rejected(TransferTask owner, long position) {
    boolean goesOn =
        owner.rejected(
            ring.block(position),
            ring.local(position),
            ring.length(position),
            ring.unmerged(position),
            refusal(position));
    ring.orphan(position);
    if (goesOn) {
      requeue(owner);
    }
  }

  private void giveBack(TransferTask owner, long position, boolean sent) {
    if (sent) {
      count(Counter.REQUESTS_RESENT);
    }
    try {
      owner.giveBack(ring.block(position), ring.local(position), ring.length(position));
    } catch (Throwable t) {
      // No memory to note it in.
      faulted(owner, position, t);
      return;
    }
    ring.orphan(position);
    requeue(owner);
  }

  private void requeue(TransferTask owner) {
    try {
      tasks.requeue(owner);
    } catch (Throwable t) {
      owner.end(TransferState.FAILED, LocalFaults.ofClaim(peer.name(), t), FailureCause.LOCAL);
    }
  }

  private TransferException refusal(long position) {
    return TransferException.withPeer(
        peer.name(),
        ErrorCode.ADDRESS_NOT_REGISTERED,
        "the peer refused %d bytes at 0x%x: not wholly inside one of its registrations"
            .formatted(ring.length(position), ring.remote(position)),
        "Check the address, and that the peer has registered the memory and lets peers do this",
        null);
  }
}
