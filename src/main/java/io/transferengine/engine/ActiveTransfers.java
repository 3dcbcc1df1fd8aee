// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Failures;
import io.transferengine.memory.Region;
import io.transferengine.memory.UsedRanges;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.FailureCause;
import io.transferengine.metrics.Gauge;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.metrics.recording.PeerMetrics;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.wire.NotifyMessage;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.ObjLongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The table of transfers under way. It begins them, ends them at their deadlines, and counts them.
 * Thread-safe.
 */
final class ActiveTransfers implements TransferHandle.Owner {
  /** The most transfers at a time: 10,000 waiting threads are normal, a leak is not. */
  static final int ACTIVE_LIMIT = 65_536;

  /** The longest deadline; beyond it nanoseconds would overflow. */
  private static final Duration DEADLINE_MAX = Duration.ofDays(365);

  /**
   * All transfers that wait for a look-up share it, so none of their deadlines may end it. It takes
   * a moment longer than the usual deadline, so that transfers report the deadline.
   */
  private static final Duration LOOK_UP_EXTRA = Duration.ofSeconds(1);

  private final LocalMemory memory;
  private final SegmentCache segments;
  private final EngineMetrics metrics;
  private final Optional<Executor> executor;
  private final Executor threads;
  private final long timeoutNanos;
  private final Duration lookUpTimeout;
  private final long sliceTimeoutNanos;
  private final Consumer<String> nameCheck;
  private final BiConsumer<String, NotifyMessage> notifier;
  private final TransferEvents events;
  private final FirstLook firstLook;
  private final LiveTransfers active = new LiveTransfers(ACTIVE_LIMIT);

  /** Those of them whose event has not happened. */
  private final Set<TransferHandle> awaiting = ConcurrentHashMap.newKeySet();

  private final LastResort lastResort;
  private volatile boolean closed;

  /**
   * An empty table.
   *
   * @param timeoutSeconds the deadline of transfers without their own; a nanosecond per byte is
   *     added
   * @param sliceTimeoutSeconds a transfer times out after this long without progress; -1 for never
   * @param executor the caller's, on which futures complete; without one they complete on {@code
   *     threads}
   * @param threads gives each command its own thread, without waiting
   * @param nameCheck throws for an invalid segment name
   * @param notifier sends a notification to a segment; must not block
   * @param events is told of each end
   * @param firstLook for who waits for a small one
   */
  ActiveTransfers(
      LocalMemory memory,
      SegmentCache segments,
      EngineMetrics metrics,
      Optional<Executor> executor,
      Executor threads,
      int timeoutSeconds,
      int sliceTimeoutSeconds,
      Consumer<String> nameCheck,
      BiConsumer<String, NotifyMessage> notifier,
      TransferEvents events,
      FirstLook firstLook) {
    this.memory = memory;
    this.segments = segments;
    this.metrics = metrics;
    this.executor = executor;
    this.threads = threads;
    this.timeoutNanos = TimeUnit.SECONDS.toNanos(timeoutSeconds);
    this.lookUpTimeout = Duration.ofSeconds(timeoutSeconds).plus(LOOK_UP_EXTRA);
    this.sliceTimeoutNanos = TimeUnit.SECONDS.toNanos(sliceTimeoutSeconds);
    this.nameCheck = nameCheck;
    this.notifier = notifier;
    this.events = events;
    this.firstLook = firstLook;
    this.lastResort = new LastResort(metrics);
  }

  LastResort lastResort() {
    return lastResort;
  }

  @Override
  public FirstLook firstLook(long bytes) {
    return bytes > FirstLook.BYTES_MAX ? FirstLook.NONE : firstLook;
  }

  /**
   * Has a future completed on the caller's executor, if there is one, and never on this thread,
   * which may do I/O. The executor may be shut down, throw, block, or run the command itself; so it
   * is called on a thread that nothing else needs.
   */
  @Override
  public void completeLater(TransferHandle handle, CompletableFuture<Void> future) {
    try {
      threads.execute(new Completion(handle, future));
    } catch (Throwable noThread) {
      handle.complete(future);
    }
  }

  private final class Completion implements Runnable {
    private final TransferHandle handle;
    private final CompletableFuture<Void> future;
    private boolean handedOn;

    Completion(TransferHandle handle, CompletableFuture<Void> future) {
      this.handle = handle;
      this.future = future;
    }

    /** First on a thread of ours, then on the caller's executor, if there is one that takes it. */
    @Override
    public void run() {
      if (!handedOn && executor.isPresent()) {
        handedOn = true;
        try {
          executor.get().execute(this);
          return;
        } catch (Throwable refused) {
          // Here, then.
        }
      }
      handle.complete(future);
    }
  }

  /**
   * Begins a transfer; does not block.
   *
   * @throws TransferException for an invalid target name, a local range that is not ours, a full
   *     table, or a closed engine
   */
  TransferHandle submit(TransferRequest request) {
    return submit(request, null);
  }

  /** As {@link #submit}, by a thread that waits for the end next: it may move the bytes itself. */
  TransferHandle submitAwaited(TransferRequest request) {
    Thread mine = Thread.currentThread();
    return submit(request, mine.isVirtual() ? null : mine);
  }

  private TransferHandle submit(TransferRequest request, @Nullable Thread awaiter) {
    RemoteSegment known = segments.known(request.target());
    if (known == null) {
      nameCheck.accept(request.target());
    }
    TransferHandle handle = enter(request, timeout(request), events.begin(), awaiter);
    metrics.increment(Counter.TRANSFERS_SUBMITTED);
    metrics.add(Counter.BLOCKS_SUBMITTED, request.blocks().count());
    if (request.blocks().totalBytes() == 0) {
      handle.finish(TransferState.COMPLETED, null, null);
    } else if (request.event().isPresent()) {
      beginAfter(request.event().getAsLong(), handle);
    } else if (known != null) {
      begin(handle, known);
    } else {
      resolve(handle);
    }
    return handle;
  }

  /** Without steps that would be objects for each transfer. */
  private long timeout(TransferRequest request) {
    Optional<Duration> asked = request.timeout();
    if (asked.isEmpty()) {
      return saturatedSum(timeoutNanos, request.blocks().totalBytes());
    }
    Duration most = asked.get();
    return (most.compareTo(DEADLINE_MAX) < 0 ? most : DEADLINE_MAX).toNanos();
  }

  private void beginAfter(long event, TransferHandle handle) {
    try {
      memory
          .devices()
          .waits()
          .add(
              AfterEvent.asked(memory.regions(), handle.request().blocks()),
              event,
              new AfterEvent(handle, awaiting, this::resolve));
    } catch (Throwable t) {
      awaiting.remove(handle);
      handle.refuse();
      notStarted(handle, t);
    }
  }

  /** {@return the transfer, in the table before any of its memory can be taken back} */
  private TransferHandle enter(
      TransferRequest request,
      long timeout,
      @Nullable TransferRecord recorded,
      @Nullable Thread awaiter) {
    memory.beginUse();
    try {
      UsedRanges<Region> used = memory.use(request.blocks());
      TransferHandle made = null;
      try {
        made = new TransferHandle(this, request, used, timeout, recorded, awaiter);
        enter(made);
        return made;
      } catch (Throwable t) {
        if (made == null) {
          used.release();
        } else {
          made.letMemoryGo();
        }
        throw t;
      }
    } finally {
      memory.endUse();
    }
  }

  private void enter(TransferHandle handle) {
    if (!active.add(handle)) {
      throw new TransferException(
          ErrorCode.TOO_MANY_REQUESTS,
          ACTIVE_LIMIT + " transfers are under way",
          "Wait for some to end, or put more blocks into each");
    }
    if (closed && active.remove(handle)) {
      throw TransferErrors.closedEngine();
    }
  }

  private static long saturatedSum(long a, long b) {
    long max = DEADLINE_MAX.toNanos();
    return b > max - a ? max : a + b;
  }

  /**
   * Finds the peer of a transfer and starts the transfer. Throws nothing: any failure, even a lack
   * of memory, ends this transfer.
   */
  @Override
  public void resolve(TransferHandle handle) {
    String target = handle.request().target();
    try {
      RemoteSegment known = segments.known(target);
      if (known != null) {
        handle.begin(known, true);
        return;
      }
      SegmentCache.Lookup lookup = segments.get(target, lookUpTimeout);
      var _ = lookup.whenComplete((found, why) -> resolved(handle, lookup, found, why));
    } catch (Throwable t) {
      notStarted(handle, t);
    }
  }

  /** As {@link #resolve}, for a peer that has just been found to be known. */
  private static void begin(TransferHandle handle, RemoteSegment peer) {
    try {
      handle.beginAtOnce(peer);
    } catch (Throwable t) {
      notStarted(handle, t);
    }
  }

  private void resolved(
      TransferHandle handle,
      SegmentCache.Lookup lookup,
      @Nullable RemoteSegment found,
      @Nullable Throwable why) {
    try {
      if (found != null) {
        handle.begin(found, false);
      } else if (lookup.isOlderThan(Duration.ofNanos(timeoutNanos)) && handle.nanosLeft() > 0) {
        // The look-up's own time is over, not ours: perhaps another transfer began it.
        resolve(handle);
      } else {
        handle.notFound(TransferErrors.of(handle.request().target(), why));
      }
    } catch (Throwable t) {
      notStarted(handle, t);
    }
  }

  private static void notStarted(TransferHandle handle, Throwable why) {
    handle.abort(
        TransferState.FAILED,
        TransferErrors.of(handle.request().target(), why),
        FailureCause.OTHER);
  }

  @Override
  public void repeatsForStaleDescriptor() {
    metrics.increment(Counter.STALE_DESCRIPTORS_REPEATED);
  }

  @Override
  public void dropSegment(RemoteSegment failed, boolean outdated) {
    segments.drop(failed, outdated);
  }

  @Override
  public void settledLate(TransferHandle handle) {
    lastResort.settled(handle);
  }

  @Override
  public void ended(TransferHandle handle, TransferState state, @Nullable FailureCause cause) {
    boolean _ = active.remove(handle);
    long nanos = handle.tookNanos();
    long bytes = handle.transferredBytes();
    try {
      count(handle, state, cause, nanos, bytes);
    } finally {
      events.ended(handle, state, nanos, bytes);
    }
  }

  private void count(
      TransferHandle handle,
      TransferState state,
      @Nullable FailureCause cause,
      long nanos,
      long bytes) {
    TransferRequest request = handle.request();
    PeerMetrics peer = metrics.peer(request.target());
    boolean write = request.operation() == Operation.WRITE;
    metrics.add(write ? Counter.BYTES_WRITTEN : Counter.BYTES_READ, bytes);
    long ofDevices = DeviceBytes.of(memory.regions(), request.blocks(), bytes);
    if (ofDevices > 0) {
      metrics.add(write ? Counter.DEVICE_BYTES_WRITTEN : Counter.DEVICE_BYTES_READ, ofDevices);
    }
    if (write) {
      peer.addBytesWritten(bytes);
    } else {
      peer.addBytesRead(bytes);
    }
    if (state == TransferState.COMPLETED) {
      metrics.increment(Counter.TRANSFERS_COMPLETED);
      metrics.recordLatencyNanos(nanos);
      peer.transferCompleted();
      if (request.notification().isPresent()) {
        TransferRequest.Notification text = request.notification().get();
        notifier.accept(
            request.target(),
            new NotifyMessage(text.name(), text.message(), request.traceParent()));
      }
      return;
    }
    metrics.increment(
        switch (state) {
          case TIMEOUT -> Counter.TRANSFERS_TIMED_OUT;
          case CANCELED -> Counter.TRANSFERS_CANCELED;
          case WAITING, PENDING, INVALID, COMPLETED, FAILED -> Counter.TRANSFERS_FAILED;
        });
    metrics.failed(cause == null ? FailureCause.OTHER : cause);
    peer.transferFailed();
  }

  /** Measures what is under way. */
  void measure(ObjLongConsumer<Gauge> to) {
    long transfers = 0;
    long waiting = 0;
    long bytes = 0;
    for (TransferHandle handle : active) {
      TransferState state = handle.state();
      if (!state.isTerminal()) {
        transfers++;
        waiting += state == TransferState.WAITING ? 1 : 0;
        bytes += handle.request().blocks().totalBytes() - handle.transferredBytes();
      }
    }
    to.accept(Gauge.TRANSFERS_UNDER_WAY, transfers);
    to.accept(Gauge.TRANSFERS_WAITING, waiting);
    to.accept(Gauge.BYTES_UNDER_WAY, bytes);
  }

  /** Ends the transfers past their deadline. Called a few times a second. */
  void endOverdue() {
    if (active.isEmpty()) {
      return; // and needs no memory
    }
    long now = System.nanoTime();
    Throwable thrown = null;
    for (TransferHandle handle : active) {
      try {
        endIfOverdue(handle, now);
      } catch (Throwable t) {
        // The others come first.
        thrown = t;
      }
    }
    Failures.throwIfAny(thrown);
  }

  private void endIfOverdue(TransferHandle handle, long now) {
    try {
      abortIfOverdue(handle, now);
    } finally {
      // Whatever has been thrown there: it ends what nothing else has ended.
      lastResort.look(handle, now);
    }
  }

  private void abortIfOverdue(TransferHandle handle, long now) {
    if (handle.nanosLeft() <= 0) {
      handle.abort(
          TransferState.TIMEOUT,
          overdue(handle, "deadline", TransferWords.deadlineOrigin(handle.request())),
          FailureCause.TIMEOUT);
    } else if (sliceTimeoutNanos > 0 && now - handle.progressNanos() > sliceTimeoutNanos) {
      handle.abort(
          TransferState.TIMEOUT,
          overdue(handle, "time without progress", "MC_SLICE_TIMEOUT sets that time"),
          FailureCause.TIMEOUT);
    }
  }

  private TransferException overdue(TransferHandle handle, String what, String origin) {
    long millis = TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - handle.startNanos());
    if (awaiting.contains(handle)) {
      return new TransferException(
          ErrorCode.TIMEOUT,
          "The event 0x%x had not happened when the %s was over, after %d ms; nothing was moved"
              .formatted(handle.request().event().orElse(0), what, millis),
          "Was it recorded, and does the work before it end? " + origin);
    }
    return TransferException.withPeer(
        handle.request().target(),
        ErrorCode.TIMEOUT,
        "%d of %d bytes were transferred when the %s was over, after %d ms"
            .formatted(
                handle.transferredBytes(), handle.request().blocks().totalBytes(), what, millis),
        "Is the peer alive and the network up? " + origin,
        null);
  }

  /**
   * Ends the transfers that touch a range: waits for the grace period, then cancels them.
   *
   * @return whether none is left
   */
  boolean drain(long start, long end, Duration grace, Duration wait) throws InterruptedException {
    long graceEndNanos = System.nanoTime() + grace.toNanos();
    long endNanos = graceEndNanos + wait.toNanos();
    boolean cancelled = false;
    for (TransferHandle handle : active) {
      if (!handle.touches(start, end)) {
        continue;
      }
      handle.await(Duration.ofNanos(Math.max(0, graceEndNanos - System.nanoTime())));
      if (!handle.state().isTerminal()) {
        cancelled = true;
        handle.abort(
            TransferState.FAILED,
            new TransferException(
                ErrorCode.ADDRESS_NOT_REGISTERED,
                "The local memory from 0x%x to 0x%x was unregistered or freed during the transfer"
                    .formatted(start, end),
                "Wait for transfers before you give up their memory"),
            FailureCause.LOCAL);
      }
    }
    boolean over = !lastResort.mayTouch(start, end);
    if (!cancelled) {
      return over;
    }
    for (TransferHandle handle : active) {
      if (handle.touches(start, end)) {
        over &=
            handle.await(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime()))).isTerminal();
      }
    }
    // Checked again: a transfer that was waited for may have been abandoned meanwhile.
    return over && !lastResort.mayTouch(start, end);
  }

  /** Refuses new transfers and fails those under way. Idempotent. */
  void close() {
    closed = true;
    Throwable thrown = null;
    for (TransferHandle handle : active) {
      try {
        handle.abort(TransferState.FAILED, TransferErrors.closedEngine(), FailureCause.SHUTDOWN);
      } catch (Throwable t) {
        thrown = t;
      }
    }
    Failures.throwIfAny(thrown);
  }

  /** Ends the transfers that are left after the transports have stopped. */
  void abandonRest() {
    Throwable thrown = null;
    for (TransferHandle handle : active) {
      try {
        lastResort.abandon(handle);
      } catch (Throwable t) {
        thrown = t;
      }
    }
    Failures.throwIfAny(thrown);
  }

  /** Waits until no transfer is under way, at most {@code timeout}. */
  void awaitEnd(Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    boolean interrupted = false;
    for (TransferHandle handle : active) {
      try {
        handle.await(Duration.ofNanos(Math.max(0, endNanos - System.nanoTime())));
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
