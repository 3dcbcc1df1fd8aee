// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.TransferReport;
import io.transferengine.logging.Anyway;
import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import io.transferengine.metrics.FailureCause;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.MemoryPairs;
import io.transferengine.transport.TransferTask;
import io.transferengine.transport.TransferWork;
import io.transferengine.transport.Transport;
import io.transferengine.wire.BufferDescriptor;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One transfer from submission to its end. First it waits for the peer's descriptor, then a {@link
 * TransferTask} works on it. Every end goes through {@link #finish}. Its public methods are those
 * of the handle that callers have, {@code io.transferengine.Transfer}. Thread-safe.
 */
public final class TransferHandle extends AwaitedEnd implements TransferWork.Listener {
  private static final Logger log = LoggerFactory.getLogger(TransferHandle.class);

  /** The place of one that is in no table. */
  static final int NOWHERE = -1;

  /** The table of transfers. None of its methods blocks. */
  interface Owner {
    /** Finds the peer again, and starts the transfer. */
    void resolve(TransferHandle handle);

    /** The known descriptor of a peer did not lead to it. */
    void dropSegment(RemoteSegment failed, boolean outdated);

    /** A transfer is repeated, once, with the descriptor that the peer has now. */
    void repeatsForStaleDescriptor();

    /** A transfer has reached its end, once. */
    void ended(TransferHandle handle, TransferState state, @Nullable FailureCause cause);

    /** {@return what a thread does first that waits for a transfer of so many bytes} */
    default FirstLook firstLook(long bytes) {
      return FirstLook.NONE;
    }

    /** Has a future completed by {@link TransferHandle#complete}, on another thread. */
    void completeLater(TransferHandle handle, CompletableFuture<Void> future);

    /** The last request of an abandoned transfer is settled after all. */
    void settledLate(TransferHandle handle);
  }

  private final Owner owner;
  private final TransferRequest request;
  private final UsedRanges<Region> used;
  private final @Nullable TransferRecord recorded;
  private final long startNanos;
  private final long deadlineNanos;

  /** In the table of transfers under way, whose business it is. */
  int place = NOWHERE;

  /** Made when memory is first taken back during the transfer. */
  private volatile @Nullable LocalRanges localRanges;

  // Below: guarded by this.
  private @Nullable TransferWork work;

  /** Those that are not there yet, as far as an earlier try has moved some. */
  private BlockColumns blocksLeft;

  private @Nullable RemoteSegment segment;
  private boolean segmentWasKnown;
  private boolean resolvedAgain;

  /** Since when the peer is being looked up, for the first or the second time. */
  private long lookUpNanos;

  private byte tries; // at most two
  private String lastTransport = "";
  private long begunNanos;
  private long settledNanos;
  private boolean finishing;
  private boolean abandoned;
  private boolean cutOff;
  private boolean memoryLetGo;
  private long cutOffNanos;
  private @Nullable Outcome asked;

  /** An outcome from outside; the first one counts. */
  private record Outcome(
      TransferState state, TransferException why, FailureCause cause, long nanos) {}

  private volatile @Nullable TransferException failure;

  // Written by the thread that ends it, without the lock: before the next, and read after it.
  private long endedNanos;
  private @Nullable FailureCause cause;

  /** Its end, with the time and the cause of it: set after those, and read before them. */
  private volatile @Nullable TransferState accounted;

  TransferHandle(
      Owner owner,
      TransferRequest request,
      UsedRanges<Region> used,
      long timeoutNanos,
      @Nullable TransferRecord recorded,
      @Nullable Thread awaiter) {
    super(awaiter);
    this.recorded = recorded;
    this.startNanos = recorded == null ? System.nanoTime() : recorded.beginNow();
    this.lookUpNanos = startNanos;
    this.begunNanos = startNanos;
    this.owner = owner;
    this.request = request;
    this.blocksLeft = request.blocks();
    this.used = used;
    this.deadlineNanos = startNanos + timeoutNanos;
  }

  /** {@return what a flight recording gets of it; null if there is none} */
  @Nullable TransferRecord recorded() {
    return recorded;
  }

  TransferRequest request() {
    return request;
  }

  /** {@return what carried it at last} For the thread that ends it: nothing changes that then. */
  String lastTransport() {
    return work == null ? lastTransport : work.transport();
  }

  long startNanos() {
    return startNanos;
  }

  /** {@return how long it took; to be asked once it has ended} */
  long tookNanos() {
    return accounted == null ? 0 : endedNanos - startNanos;
  }

  /** {@return the time until the deadline; zero or negative if it has passed} */
  long nanosLeft() {
    return deadlineNanos - System.nanoTime();
  }

  /** {@return the time of the last progress, by {@link System#nanoTime()}} */
  synchronized long progressNanos() {
    return work == null ? lookUpNanos : work.progressNanos();
  }

  @Override
  public void lookFirst(Runnable step) {
    owner.firstLook(request.blocks().totalBytes()).at(this, deadlineNanos, step);
  }

  /** The peer is known: starts the work, unless the transfer has ended meanwhile. */
  void begin(RemoteSegment peer, boolean wasKnown) {
    begin(peer, wasKnown, System.nanoTime());
  }

  /** The peer was known when this was submitted: no time has passed until then. */
  void beginAtOnce(RemoteSegment peer) {
    begin(peer, true, startNanos);
  }

  private void begin(RemoteSegment peer, boolean wasKnown, long began) {
    if (end() != null) {
      return; // By its deadline, say: the peer is not asked how it would be reached.
    }
    // Written before this was asked for, by who asked or whom that one has heard of.
    BlockColumns blocks = blocksLeft;
    boolean mayBeRepeated = !resolvedAgain;
    TransferTask whole =
        new TransferTask(request.operation(), blocks, used, peer.buffers(), this, began);
    BufferDescriptor forbidding = whole.forbidding();
    if (forbidding != null) {
      if (isBegun(peer, wasKnown, began)) {
        // Only what the peer has said: the memory may be registered with other rights by now.
        TransferException why = peer.forbids(request.operation(), forbidding);
        taskEnded(TransferState.FAILED, why, FailureCause.STALE_DESCRIPTOR);
      }
      return;
    }
    Optional<Transport> one = peer.transportFor(whole);
    if (one.isPresent()) {
      if (peer.takesBlocksOnly().get()) {
        whole.mergeNothing();
      }
      whole.givenTo(one.get().name());
      if (goesOnWith(whole, peer, wasKnown, began)) {
        one.get().submit(peer.address(), whole);
      }
      return;
    }
    Optional<MemoryPairs.Pair> notMoved = peer.notMoved(whole.pairs());
    if (notMoved.isPresent()) {
      if (isBegun(peer, wasKnown, began)) {
        refuse(notMoved.get(), peer);
      }
      return;
    }
    TransferParts parts = new TransferParts(whole, peer, mayBeRepeated, this);
    if (goesOnWith(parts, peer, wasKnown, began)) {
      parts.submit(peer.address());
    }
  }

  /** Notes a try; false if the transfer has ended before the peer was found, by its deadline. */
  private synchronized boolean isBegun(RemoteSegment peer, boolean wasKnown, long nanos) {
    segment = peer;
    segmentWasKnown = wasKnown;
    if (finishing) {
      return false;
    }
    begunNanos = nanos;
    tries++;
    return true;
  }

  /** False if it is to end: whoever asked for that found no work, and lets the memory go. */
  private synchronized boolean goesOnWith(
      TransferWork made, RemoteSegment peer, boolean wasKnown, long nanos) {
    if (!isBegun(peer, wasKnown, nanos) || abandoned || asked != null) {
      return false;
    }
    work = made;
    return true;
  }

  /** There are blocks that no transport moves; nothing was begun. */
  private void refuse(MemoryPairs.Pair left, RemoteSegment peer) {
    TransferException why = peer.doesNotMove(left);
    if (left.local().isHost()) {
      // The peer may have other memory there by now.
      taskEnded(TransferState.FAILED, why, FailureCause.STALE_DESCRIPTOR);
    } else {
      finish(TransferState.FAILED, why, FailureCause.LOCAL);
    }
  }

  /** The peer could not be found. */
  void notFound(TransferException why) {
    finish(TransferState.FAILED, why, FailureCause.METADATA);
  }

  @Override
  public void taskEnded(
      TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
    try {
      noteWhatItTakes(state);
      if (isRepeated(cause)) {
        return;
      }
    } catch (Throwable t) {
      // Such as no memory for the second try. Then the first one was the last.
      Anyway.error(log, "A transfer could not be repeated", t);
    }
    settle(state, why, cause);
  }

  /** Nothing touches the memory any more: the end, unless it was given up before or is just now. */
  private void settle(
      TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
    if (isAbandonedAtEnd(state, why, cause)) {
      letMemoryGo();
      owner.settledLate(this);
    }
  }

  /** Drops what was known of the peer, if that may be why; {@return whether it is repeated} */
  private boolean isRepeated(@Nullable FailureCause cause) {
    boolean stale = cause == FailureCause.STALE_DESCRIPTOR;
    if (!stale && cause != FailureCause.CONNECT && cause != FailureCause.CONNECTION_LOST) {
      return false;
    }
    RemoteSegment failed;
    TransferWork ended;
    BlockColumns rest;
    boolean again;
    synchronized (this) {
      failed = segment;
      ended = work;
      rest = blocksLeft;
      // Requests with stale keys had no effect, nor has what is known of a process that is gone;
      // sending the rest again writes the same bytes to the same place.
      boolean unreached =
          cause == FailureCause.CONNECT && segmentWasKnown && ended != null && !ended.isStarted();
      again = (stale || unreached) && !resolvedAgain && !abandoned;
      resolvedAgain |= again;
    }
    if (failed != null) {
      owner.dropSegment(failed, stale);
    }
    if (!again || nanosLeft() <= 0) {
      return false;
    }
    // What we knew of the peer was old: it may be elsewhere by now, or have other keys.
    if (ended != null) {
      rest = ended.blocksToRepeat();
    }
    if (stale) {
      owner.repeatsForStaleDescriptor();
    }
    Outcome meanwhile;
    synchronized (this) {
      if (abandoned) {
        return false;
      }
      lastTransport = ended == null ? lastTransport : ended.transport();
      work = null;
      blocksLeft = rest;
      lookUpNanos = System.nanoTime();
      meanwhile = asked;
    }
    if (meanwhile == null) {
      owner.resolve(this);
    } else {
      // The end came after the work had ended, and nobody had handled it until now.
      settle(meanwhile.state, meanwhile.why, meanwhile.cause);
    }
    return true;
  }

  /** Without the lock: both were written before the work began, of which this is the end. */
  private void noteWhatItTakes(TransferState state) {
    boolean refusedMerges =
        state == TransferState.COMPLETED && work != null && work.isMergeRefused();
    if (refusedMerges && segment != null) {
      segment.takesBlocksOnly().set(true);
    }
  }

  /** Ends the transfer from outside. Its terminal state follows when nothing touches its memory. */
  void abort(TransferState state, TransferException why, FailureCause cause) {
    Outcome wanted = new Outcome(state, why, cause, System.nanoTime());
    TransferWork running;
    synchronized (this) {
      if (asked == null) {
        asked = wanted;
      }
      running = work;
    }
    outcomeIsSet();
    if (running != null) {
      running.end(state, why, cause);
    } else {
      finish(state, why, cause);
    }
  }

  // ---- the last resort

  /** {@return whether its outcome was set before a moment of {@link System#nanoTime()}} */
  synchronized boolean isEndingSince(long nanos) {
    boolean isAskedSince = asked != null && asked.nanos - nanos < 0;
    return isAskedSince || (work != null && work.isEndingSince(nanos));
  }

  /** Notes that its connections are closed by force; false if that was noted before. */
  synchronized boolean markCutOff(long nowNanos) {
    if (cutOff) {
      return false;
    }
    cutOff = true;
    cutOffNanos = nowNanos;
    return true;
  }

  synchronized boolean isCutOffSince(long nanos) {
    return cutOff && cutOffNanos - nanos < 0;
  }

  /** Closes the connections that carry it. */
  void cutOff() {
    TransferWork running;
    synchronized (this) {
      running = work;
    }
    if (running != null) {
      running.cutOff();
    }
  }

  /**
   * From now on its end keeps the uses of its memory, since requests may still be in flight.
   *
   * @return false if it has ended meanwhile
   */
  synchronized boolean abandon() {
    abandoned |= !finishing;
    return abandoned;
  }

  /** {@return its description and state, for the log} */
  String describe() {
    TransferWork running;
    synchronized (this) {
      running = work;
    }
    return TransferWords.describe(request, running);
  }

  // ---- the end

  void finish(TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
    boolean _ = isAbandonedAtEnd(state, why, cause);
  }

  /** Ends it, if nothing has; {@return whether it was abandoned, which no end is any more} */
  private boolean isAbandonedAtEnd(
      TransferState state, @Nullable TransferException why, @Nullable FailureCause cause) {
    boolean memoryIsFree;
    boolean wasAbandoned;
    synchronized (this) {
      if (finishing) {
        return abandoned;
      }
      finishing = true;
      if (why != null) {
        failure = why;
      }
      // That of the last request, if it was the end.
      settledNanos =
          state == TransferState.COMPLETED && work != null
              ? work.progressNanos()
              : System.nanoTime();
      wasAbandoned = abandoned;
      memoryIsFree = (!abandoned || work == null) && isFirstToLetGo();
    }
    // Whatever fails here, such as an allocation: waiting threads must learn of the end.
    try {
      if (memoryIsFree) {
        used.release();
      }
      account(state, cause);
      // Counted before the end is visible, so that a caller who sees the state sees the numbers.
      owner.ended(this, state, cause);
    } catch (Throwable t) {
      Anyway.error(log, "The end of a transfer was not accounted for", t);
    } finally {
      reveal(state);
    }
    return wasAbandoned;
  }

  /** Gives the uses of its memory back, once. */
  void letMemoryGo() {
    if (isFirstToLetGo()) {
      used.release();
    }
  }

  private synchronized boolean isFirstToLetGo() {
    boolean first = !memoryLetGo;
    memoryLetGo = true;
    return first;
  }

  /** Once, by the thread that ends it. */
  private void account(TransferState state, @Nullable FailureCause why) {
    if (recorded != null && recorded.isWantedNow()) {
      endedNanos = recorded.endNow(settledNanos);
    } else {
      // To give one registration back takes hardly more time than to read the clock.
      endedNanos = used.isOne() ? settledNanos : System.nanoTime();
    }
    cause = why;
    accounted = state;
  }

  /** {@return whether any block touches a range of our memory} */
  boolean touches(long start, long stop) {
    LocalRanges ranges = localRanges;
    if (ranges == null) {
      ranges = new LocalRanges(request.blocks());
      localRanges = ranges;
    }
    return ranges.touch(start, stop);
  }

  /** {@return the state now} */
  public TransferState state() {
    TransferState known = end();
    if (known != null) {
      return known;
    }
    synchronized (this) {
      return work != null && work.isStarted() ? TransferState.PENDING : TransferState.WAITING;
    }
  }

  /** Waits for the end, at most this long; {@return the state then} */
  public TransferState await(Duration timeout) throws InterruptedException {
    awaitEnd(timeout, owner.firstLook(request.blocks().totalBytes()));
    return state();
  }

  @Override
  void complete(CompletableFuture<Void> told) {
    TransferException why = failure;
    if (why == null) {
      told.complete(null);
    } else {
      told.completeExceptionally(why);
    }
  }

  @Override
  void completeLater(CompletableFuture<Void> told) {
    owner.completeLater(this, told);
  }

  /** Asks for the end; {@return whether the transfer had not ended yet} */
  public boolean cancel() {
    if (end() != null) {
      return false;
    }
    abort(
        TransferState.CANCELED,
        new TransferException(
            ErrorCode.CANCELED, "The transfer to " + request.target() + " was canceled", ""),
        FailureCause.CANCELED);
    return true;
  }

  /** {@return the bytes known to have reached their destination} */
  public long transferredBytes() {
    if (accounted == TransferState.COMPLETED) {
      return request.blocks().totalBytes();
    }
    synchronized (this) {
      long before = request.blocks().totalBytes() - blocksLeft.totalBytes();
      return work == null ? before : before + work.completedBytes();
    }
  }

  /** {@return what has happened to it, until now or its end} */
  public synchronized TransferReport report() {
    TransferState last = accounted;
    TransferWork begunWork = work;
    boolean isStarted = begunWork != null && begunWork.isStarted();
    long until = last == null ? System.nanoTime() : endedNanos;
    // It may not have come so far.
    long settled = finishing ? settledNanos : until;
    boolean isLookedUp = tries == 0 || lookUpNanos - begunNanos > 0;
    long begun = isLookedUp ? settled : begunNanos;
    long started = begunWork != null && isStarted ? begunWork.startedNanos() : settled;
    TransferReport.Builder report =
        new TransferStages(startNanos, begun, started, settled, until)
            .of(TransferWords.report(request, begunWork, lastTransport).tries(tries));
    if (last == null) {
      return report
          .state(isStarted ? TransferState.PENDING : TransferState.WAITING, transferredBytes())
          .build();
    }
    TransferException why = failure;
    if (why != null) {
      report.failure(cause == null ? FailureCause.OTHER : cause, why);
    }
    return report
        .state(
            last,
            last == TransferState.COMPLETED ? request.blocks().totalBytes() : transferredBytes())
        .build();
  }

  /** {@return what has happened to it, until now or its end, for people} */
  public String explain() {
    TransferReport report = report();
    RemoteSegment peer;
    synchronized (this) {
      peer = segment;
    }
    return TransferWords.explain(report, peer);
  }

  @Override
  public String toString() {
    return TransferWords.show(request, state(), transferredBytes());
  }

  /** {@return why it did not complete; empty before the end} */
  public Optional<TransferException> failure() {
    return end() == null ? Optional.empty() : Optional.ofNullable(failure);
  }
}
