// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport;

import io.transferengine.logging.Anyway;
import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The work of one batch towards one peer: which part of it no lane has taken yet, how many requests
 * are out, and how it ends.
 *
 * <p>Transports pull. {@link #claim} hands out requests from a cursor that walks the blocks; each
 * request is settled exactly once, by {@link #completed}, {@link #giveBack}, {@link #rejected},
 * {@link #failed} or {@link #orphaned}. Those are the only mutators, together with {@link #end}.
 * When one of them throws, it has changed nothing.
 *
 * <p><b>Coalescing</b> happens as the cursor walks ({@link UnclaimedBlocks}): neighbours that are
 * adjacent on both sides go out as one request, and for a sink that can send several ranges of ours
 * at once ({@link RequestSink#rangesMax}) those that are adjacent at the peer only. Never across
 * the end of a buffer that the peer published, and no range across the end of a local registration,
 * since a target takes a range only when it lies inside one of its registrations. Where the peer's
 * buffers are not known nothing is merged. A merged request that is rejected all the same (the
 * descriptor was old) comes back once as the blocks that it was made of.
 *
 * <p><b>The end.</b> A task ends when every byte is settled, or when an outcome (failure, cancel,
 * deadline) is set and no request is out any more: only then does nothing touch the local memory on
 * its behalf, and only then is the listener told, once.
 *
 * <p>Thread-safe; the lock is held for arithmetic only.
 */
public final class TransferTask extends UnclaimedBlocks {
  /** Has requests of the task out. */
  public interface Owner {
    /**
     * The task's outcome is set: within moments each of its requests is to be settled, if need be
     * by closing the connection that it is on. Must not block.
     */
    void cancelRequests(TransferTask task);

    /**
     * The last resort: seconds after its outcome was set the task still has requests out, so that
     * something is wrong with what they are on. Logs the state of that as an error and closes it,
     * whatever else it carries. Must not block.
     */
    void cutOff(TransferTask task);
  }

  private static final Logger log = LoggerFactory.getLogger(TransferTask.class);

  private @Nullable Repeats repeats;

  private int outstanding;
  private long completedBytes;
  private boolean ended;
  private @Nullable TransferState outcome;
  private long outcomeNanos;
  private @Nullable TransferException failure;
  private @Nullable FailureCause cause;
  private @Nullable Owner owner;
  private volatile boolean oneByOne;
  private volatile boolean mergeRefused;

  /**
   * Work of which nothing is claimed yet.
   *
   * @param ours what the blocks lie in here
   * @param peer all buffers of the peer
   */
  public TransferTask(
      Operation operation,
      BlockColumns blocks,
      UsedRanges<Region> ours,
      PeerBuffers peer,
      Listener listener) {
    this(operation, blocks, ours, peer, listener, System.nanoTime());
  }

  /** As above, at a moment that has just been. */
  public TransferTask(
      Operation operation,
      BlockColumns blocks,
      UsedRanges<Region> ours,
      PeerBuffers peer,
      Listener listener,
      long nowNanos) {
    super(operation, blocks, ours, peer, listener, nowNanos);
  }

  /** As above, in host memory of which nothing but the ranges is known. For tests. */
  public TransferTask(
      Operation operation,
      BlockColumns blocks,
      SeamFinder localSeams,
      SeamFinder remoteSeams,
      Listener listener) {
    this(operation, blocks, new SeveralRegions(localSeams), new PeerBuffers(remoteSeams), listener);
  }

  /** {@return work on some of its blocks} */
  public TransferTask part(BlockColumns some, Listener told) {
    return new TransferTask(operation(), some, ours, peer, told);
  }

  /**
   * Says who works on the task; by the transport, before it claims anything: whoever finds a
   * request out, with the lock held, finds the owner as well.
   */
  public void setOwner(Owner owner) {
    this.owner = owner;
  }

  /**
   * Says that the peer has refused a frame that named several requests of the task: from now on
   * each goes by itself, so that the one at fault is found and the others arrive.
   */
  public void sendOneByOne() {
    oneByOne = true;
  }

  /** Says that the peer refuses requests that are merged of blocks; before it is submitted. */
  public void mergeNothing() {
    mergeRefused = true;
  }

  /** {@return whether no two of its requests may share a frame} */
  public boolean isSentOneByOne() {
    return oneByOne;
  }

  @Override
  public boolean isMergeRefused() {
    return mergeRefused;
  }

  /** {@return which of its requests were sent again because they arrived damaged} */
  public synchronized Repeats repeats() {
    if (repeats == null) {
      repeats = new Repeats(); // Nearly every transfer has none.
    }
    return repeats;
  }

  /** {@return the bytes of the whole batch} */
  public long totalBytes() {
    return blocks.totalBytes();
  }

  /** {@return the number of blocks as submitted; an upper bound of the requests left} */
  public int blockCount() {
    return blocks.count();
  }

  @Override
  public synchronized long completedBytes() {
    return completedBytes;
  }

  /** All of them: what is moved twice is the same bytes, to the same place. */
  @Override
  public BlockColumns blocksToRepeat() {
    return blocks;
  }

  /** {@return where a block begins at the peer} */
  public long remote(int block) {
    return blocks.remote(block);
  }

  /** {@return where a block begins in this process} */
  public long local(int block) {
    return blocks.local(block);
  }

  /** {@return the length of a block in bytes} */
  public long length(int block) {
    return blocks.length(block);
  }

  /** {@return whether a test holds for where any of the blocks lies in the peer's memory} */
  public boolean anyRemote(RangeTest test) {
    return test.anyRemote(blocks);
  }

  /** {@return where the first block begins in this process} */
  public long firstLocal() {
    return blocks.local(0);
  }

  /** {@return whether no request is out} */
  public synchronized boolean isQuiet() {
    return outstanding == 0;
  }

  /** {@return whether there is something to claim} */
  public boolean hasWork() {
    // Without the lock at first: nothing comes after the end, and who has brought it sees it.
    return !ended && isSomethingLeft();
  }

  private synchronized boolean isSomethingLeft() {
    return outcome == null && isAnythingLeft();
  }

  /**
   * Hands out the next requests.
   *
   * @param maxRequests at most so many
   * @param maxBytes at most so many bytes, save that one request is always handed out
   * @param maxRequestBytes no request is larger; larger blocks go out in pieces
   * @return how many were handed to {@code sink}; 0 when there is nothing (more) to do
   */
  public synchronized int claim(
      RequestSink<TransferTask> sink, int maxRequests, long maxBytes, long maxRequestBytes) {
    if (outcome != null) {
      return 0;
    }
    boolean starts = sink.isSender() && !isStarted();
    int rangesMax = sink.rangesMax(this);
    int requests = 0;
    long bytes = 0;
    while (requests < maxRequests && bytes < maxBytes && (requests == 0 || !sink.isFull())) {
      long length = claimNext(this, sink, rangesMax, maxRequestBytes, mergeRefused);
      if (length == 0) {
        break;
      }
      bytes += length;
      requests++;
      outstanding++;
      if (starts) {
        started(sink.startNanos(this));
        starts = false;
      }
    }
    handedOut(requests, sink.lane());
    return requests;
  }

  /** So many requests of so many bytes in all are in their destination. */
  public void completed(int requests, long bytes) {
    long now = System.nanoTime();
    boolean over;
    synchronized (this) {
      progressed(now);
      outstanding -= requests;
      completedBytes += bytes;
      over = isNowOver();
    }
    if (over) {
      tellTheEnd();
    }
  }

  /**
   * A request whose bytes may be sent (again): it is the first that is claimed next. So whoever
   * gives several back keeps their order by beginning with the last.
   */
  public void giveBack(int block, long local, long length) {
    synchronized (this) {
      if (outcome == null) {
        putBack(block, local, length);
        cameBack();
      }
      outstanding--;
    }
    finishIfOver();
  }

  /**
   * So many requests, out when the outcome was set, touch the local memory no more; what becomes of
   * them at the peer is the transport's business.
   */
  public void orphaned(int requests) {
    synchronized (this) {
      outstanding -= requests;
    }
    finishIfOver();
  }

  /**
   * The peer refused the range. A merged request comes back as the blocks that it was made of; one
   * block that is refused fails the task.
   *
   * @return whether the task goes on
   */
  public boolean rejected(
      int block, long local, long length, boolean unmerged, TransferException refusal) {
    boolean goesOn = false;
    synchronized (this) {
      if (!unmerged && outcome == null) {
        goesOn = putBackCut(block, local, length) > 1;
        mergeRefused |= goesOn;
      }
      if (goesOn) {
        cameBack();
        outstanding--;
      }
    }
    if (!goesOn) {
      failed(refusal, FailureCause.REMOTE_REFUSED);
    }
    return goesOn;
  }

  /** A request failed, and the task with it. */
  public void failed(TransferException why, FailureCause kind) {
    synchronized (this) {
      outstanding--;
      setOutcome(TransferState.FAILED, why, kind);
    }
    finishIfOver();
  }

  @Override
  public void end(TransferState state, TransferException why, FailureCause kind) {
    boolean waits;
    Owner asked;
    synchronized (this) {
      setOutcome(state, why, kind);
      waits = outstanding > 0;
      asked = owner;
    }
    finishIfOver();
    if (waits && asked != null) {
      asked.cancelRequests(this);
    }
  }

  @Override
  public void cutOff() {
    Owner asked;
    synchronized (this) {
      asked = owner;
    }
    if (asked != null) {
      asked.cutOff(this);
    }
  }

  @Override
  public synchronized boolean isEndingSince(long nanos) {
    return outcome != null && outcomeNanos - nanos < 0;
  }

  @Override
  public synchronized String describe() {
    return "%d requests out, %d of %d bytes there, %s, outcome %s"
        .formatted(
            outstanding,
            completedBytes,
            totalBytes(),
            describeUnclaimed(),
            outcome == null ? "none" : outcome + " (" + failure + ")");
  }

  /** {@return whether the outcome is set or the task has ended} */
  public synchronized boolean isEnding() {
    return outcome != null;
  }

  private void setOutcome(TransferState state, TransferException why, FailureCause kind) {
    if (outcome == null && completedBytes < totalBytes()) {
      outcome = state;
      outcomeNanos = System.nanoTime();
      failure = why;
      cause = kind;
      dropReturned();
    }
  }

  private void finishIfOver() {
    if (isNowOver()) {
      tellTheEnd();
    }
  }

  /** {@return whether this is the end, of which the caller is to tell} */
  private synchronized boolean isNowOver() {
    if (ended || outstanding > 0) {
      return false;
    }
    if (completedBytes == totalBytes()) {
      // Even if an end was set: every byte was there before it could take effect.
      outcomeNanos = progressNanos();
      outcome = TransferState.COMPLETED;
      failure = null;
      cause = null;
    }
    ended = outcome != null;
    return ended;
  }

  /** The outcome does not change any more, and this thread has set it, or seen it with the lock. */
  private void tellTheEnd() {
    try {
      listener().taskEnded(Objects.requireNonNull(outcome), failure, cause);
    } catch (Throwable t) {
      // The thread that brought the end has other transfers to care for.
      Anyway.error(log, "A transfer has ended, but whoever waits for that could not be told", t);
    }
  }
}
