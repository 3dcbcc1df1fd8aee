// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.tcp;

import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.EventExecutor;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.FutureListener;
import io.transferengine.config.LimitOptions;
import io.transferengine.events.EngineEvent;
import io.transferengine.logging.Anyway;
import io.transferengine.metrics.Counter;
import io.transferengine.metrics.recording.EngineMetrics;
import io.transferengine.os.NativeCallException;
import io.transferengine.os.Platform;
import io.transferengine.os.ReservedMemory;
import io.transferengine.os.SocketCopy;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The I/O threads of one transport and the buffers that each of them keeps. Thread-safe. */
final class EventLoops {
  private static final Logger log = LoggerFactory.getLogger(EventLoops.class);

  /** Staging blocks smaller than this would not hold a header beside the largest small body. */
  private static final int STAGING_BYTES_MIN = 2 * StagingBlock.DIRECT_BYTES_MIN;

  /** Cache lines do not straddle two blocks. */
  private static final int ALIGNMENT_BYTES = 64;

  /** The loop that callers share moves one small block at a time. */
  private static final int SHARED_PART = 64;

  private static final int SHARED_BYTES_MIN = WindowPool.BLOCKS_MIN * STAGING_BYTES_MIN;

  private final EventLoopGroup group;
  private final Map<EventExecutor, WindowPool> pools = new ConcurrentHashMap<>();

  /** For what is small; elsewhere than on Linux for the staging as well. */
  private final Arena arena = Arena.ofShared();

  /** A mapping of its own: the C library would keep it for an engine that never comes. */
  private final @Nullable ReservedMemory mapped;

  private final CallerFrames callerFrames = new CallerFrames();

  /** What the loop that callers share has of it; none where there is too little. */
  private final MemorySegment sharedStaging;

  private final IoBackend backend;
  private final EngineMetrics metrics;
  private @Nullable EventLoopGroup shared;

  /** Until it is among the others. */
  private @Nullable WindowPool sharedPool;

  private int begunOnShared;
  private final List<Periodic> periodic = new ArrayList<>();
  private boolean closed;
  private boolean freed;

  /** What is done on each loop again and again. */
  private record Periodic(long nanos, String what, Consumer<EventExecutor> action) {
    void beginOn(EventExecutor loop) {
      var _ = loop.scheduleAtFixedRate(new Turn(this, loop), nanos, nanos, TimeUnit.NANOSECONDS);
    }
  }

  /** One run of it on one loop. */
  private record Turn(Periodic of, EventExecutor loop) implements Runnable {
    @Override
    public void run() {
      try {
        of.action.accept(loop);
      } catch (Throwable t) {
        Anyway.failed(log, of.what, t);
      }
    }
  }

  /** As below; the loops sleep as soon as there is nothing to do. */
  EventLoops(
      IoBackend backend, int threads, int blockBytes, long totalBytes, EngineMetrics metrics) {
    this(backend, threads, 0, blockBytes, totalBytes, metrics);
  }

  /**
   * Takes the memory and starts nothing yet: the threads start with the first work.
   *
   * @param busyPollNanos how long a loop looks for something to do before it sleeps
   * @param blockBytes the size of a staging block, less when the total is too small for it
   * @param totalBytes of all staging, shared evenly by the loops
   * @throws TransferException MEMORY when there is not so much
   */
  EventLoops(
      IoBackend backend,
      int threads,
      long busyPollNanos,
      int blockBytes,
      long totalBytes,
      EngineMetrics metrics) {
    if (backend == IoBackend.EPOLL) {
      // Here, where it may fail: later a full heap could take it from the process for good.
      SocketCopy.prepare();
    }
    this.backend = backend;
    this.metrics = metrics;
    long sharedBytes = backend == IoBackend.EPOLL ? totalBytes / SHARED_PART & -ALIGNMENT_BYTES : 0;
    if (sharedBytes < SHARED_BYTES_MIN) {
      sharedBytes = 0;
    }
    long shareBytes = (totalBytes - sharedBytes) / threads;
    int block =
        Math.clamp(
                shareBytes / WindowPool.BLOCKS_MIN,
                STAGING_BYTES_MIN,
                Math.max(blockBytes, STAGING_BYTES_MIN))
            & -ALIGNMENT_BYTES;
    MemorySegment staging;
    try {
      mapped = Platform.isLinux() ? ReservedMemory.ofOpenBytes(totalBytes) : null;
      staging = mapped == null ? arena.allocate(totalBytes, ALIGNMENT_BYTES) : mapped.memory();
    } catch (NativeCallException | OutOfMemoryError e) {
      throw new TransferException(
          ErrorCode.MEMORY,
          "There is no memory for " + totalBytes + " bytes of staging: " + e.getMessage(),
          "The system gives this process no more: raise its limit (ulimit -v, the container's), or"
              + " lower "
              + LimitOptions.STAGING,
          e);
    }
    sharedStaging = staging.asSlice(totalBytes - sharedBytes & -ALIGNMENT_BYTES, sharedBytes);
    try {
      group = backend.newGroup(threads, busyPollNanos);
      int index = 0;
      for (EventExecutor loop : group) {
        long shareAt = shareBytes / ALIGNMENT_BYTES * ALIGNMENT_BYTES * index++;
        pools.put(loop, pool(staging.asSlice(shareAt, shareBytes & -ALIGNMENT_BYTES), block));
      }
      // Where close does not wait so long. Not before: until then a kernel may read and write
      // there.
      var _ = group.terminationFuture().addListener(new Ended());
    } catch (Throwable t) {
      freeStaging();
      throw t;
    }
  }

  private WindowPool pool(MemorySegment memory, int blockBytes) {
    return new WindowPool(
        memory,
        blockBytes,
        backend == IoBackend.IO_URING ? ReadReserve.of(arena) : ReadReserve.none(),
        new Dry(metrics),
        new TlsBudget(memory.byteSize(), new TlsDry(metrics)));
  }

  /**
   * {@return the loop whose turns callers make; null if there is none here} It is made when it is
   * first asked for.
   */
  synchronized @Nullable SharedLoop shared() {
    if (closed || sharedStaging.byteSize() == 0) {
      return null;
    }
    EventLoopGroup there = shared;
    if (there == null) {
      WindowPool pool = pool(sharedStaging, STAGING_BYTES_MIN);
      there = backend.newSharedGroup();
      // At once: without a thread its descriptors could not be closed again.
      shared = there;
      sharedPool = pool;
      var _ = there.terminationFuture().addListener(new Ended());
    }
    SharedLoop loop = (SharedLoop) there.next();
    if (sharedPool != null) {
      pools.put(loop, sharedPool);
      sharedPool = null;
    }
    for (; begunOnShared < periodic.size(); begunOnShared++) {
      // This starts its thread. If there is none, the next who asks tries it again.
      periodic.get(begunOnShared).beginOn(loop);
    }
    return loop;
  }

  private final class Ended implements FutureListener<Object> {
    @Override
    public void operationComplete(Future<Object> done) {
      freeStagingIfEnded();
    }
  }

  private record Dry(EngineMetrics metrics) implements WindowPool.Listener {
    @Override
    public void stagingDry(boolean ofAddress) {
      isDry(metrics, Counter.STAGING_DRY);
      if (ofAddress) {
        isDry(metrics, Counter.STAGING_SHARE_DRY);
      }
    }
  }

  private record TlsDry(EngineMetrics metrics) implements Runnable {
    @Override
    public void run() {
      isDry(metrics, Counter.TLS_BUDGET_DRY);
    }
  }

  private static void isDry(EngineMetrics metrics, Counter counter) {
    metrics.happened(
        EngineEvent.Kind.LIMIT_REACHED, counter, SegmentDescriptor.TCP, "", counter.label());
  }

  /** {@return where callers lay what they send themselves} For any thread. */
  CallerFrames callerFrames() {
    return callerFrames;
  }

  EventLoopGroup group() {
    return group;
  }

  EventLoop next() {
    return group.next();
  }

  /** {@return the buffers of a loop, for use on that loop only} */
  WindowPool pool(EventExecutor loop) {
    WindowPool pool = pools.get(loop);
    if (pool == null) {
      throw new IllegalArgumentException("Not one of this transport's event loops: " + loop);
    }
    return pool;
  }

  /**
   * Does something on each loop after each {@code period}, also when it has thrown before. {@code
   * what} names it in the log.
   */
  synchronized void every(Duration period, String what, Consumer<EventExecutor> action) {
    Periodic made = new Periodic(period.toNanos(), what, action);
    for (EventExecutor loop : all()) {
      made.beginOn(loop);
    }
    periodic.add(made);
    begunOnShared = shared == null ? 0 : periodic.size();
  }

  List<EventExecutor> all() {
    return new ArrayList<>(pools.keySet());
  }

  /** Ends the threads, waiting at most so long. */
  void close(Duration timeout) {
    List<EventLoopGroup> groups = shutDown(timeout);
    // Not by the future: a thread of the whole JVM completes it, which may have ended in a full
    // heap.
    boolean interrupted = false;
    long endNanos = System.nanoTime() + timeout.toNanos();
    while (true) {
      try {
        for (EventLoopGroup each : groups) {
          boolean _ = each.awaitTermination(endNanos - System.nanoTime(), TimeUnit.NANOSECONDS);
        }
        freeStagingIfEnded();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private synchronized List<EventLoopGroup> shutDown(Duration timeout) {
    closed = true;
    List<EventLoopGroup> groups = shared == null ? List.of(group) : List.of(group, shared);
    for (EventLoopGroup each : groups) {
      var _ = each.shutdownGracefully(0, timeout.toMillis(), TimeUnit.MILLISECONDS);
    }
    return groups;
  }

  private synchronized void freeStagingIfEnded() {
    if (group.isTerminated() && (shared == null || shared.isTerminated())) {
      freeStaging();
    }
  }

  /** Who comes second waits for the first: the memory is gone when any of them returns. */
  private synchronized void freeStaging() {
    if (!freed) {
      freed = true;
      try {
        if (mapped != null) {
          mapped.unmap();
        }
      } finally {
        arena.close();
      }
    }
  }
}
