// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import io.transferengine.logging.Anyway;
import io.transferengine.logging.Failures;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Copies of one device in one direction, in order: a stream, a thread that begins copies there, and
 * one that waits for their ends and tells of them. To begin and to be told of takes a copy longer
 * than to move a slot, so several are under way at a time, and one begins whatever the others are
 * at.
 *
 * <p><b>Which way.</b> A few large ranges go by plain copies. Many small ones go by one launch of
 * the kernel: one of its shape was 28 times as fast as a call for each 4 KiB (ADR 43). Where the
 * kernel cannot be loaded they go by one call of the driver for all, or by plain copies where the
 * driver is too old for that.
 *
 * <p><b>Errors.</b> What fails is told to its job, and to no other, unless the device is lost. A
 * job is told only when nothing of it is under way: while that cannot be known, because the heap is
 * full for instance, it is not told, and its host memory stays in use.
 */
final class CopyLane {
  private static final Logger log = LoggerFactory.getLogger(CopyLane.class);

  /**
   * Under way at a time. By the rates of an H200, 1 MiB takes some 67 µs from being asked for to
   * being told of, of which its bytes are 21. So with four the link need not stand still.
   */
  static final int DEPTH = 4;

  /** From this mean length on a call for each range costs less than the copy itself. */
  private static final int PLAIN_BYTES_MIN = 64 << 10;

  /** Threads that copy one piece, 16 bytes each at a time. */
  private static final int THREADS = 256;

  /** How long closing waits for the threads. */
  private static final long JOIN_MILLIS = 5000;

  /** Between two questions whether copies have ended, when the first could not be asked. */
  private static final long AGAIN_MILLIS = 10;

  /** Made before memory runs out: whoever waits for a copy must be told of its end. */
  @SuppressWarnings("StaticAssignmentOfThrowable") // its text is all that is wanted of it
  private static final TransferException WORDLESS =
      new TransferException(
          ErrorCode.MEMORY,
          "A copy of device memory failed, and there is no memory to say why",
          "Raise -Xmx, or have less under way");

  private record Way(long event, CopyTable table) {}

  /** One copy; a link of the queue, so that to queue it takes no memory. */
  static final class Job {
    private final CopyList list;
    private final long host;
    private final CopyCompletion completion;
    private @Nullable Job next;
    private @Nullable Throwable failure;

    Job(CopyList list, long host, CopyCompletion completion) {
      this.list = list;
      this.host = host;
      this.completion = completion;
    }
  }

  private final String device;
  private final DeviceLibrary library;
  private final long context;
  private final boolean out;
  private final long kernel;
  private final @Nullable Way[] ways = new @Nullable Way[DEPTH];
  private long stream;

  /** Of the two threads; of the one that opens the lane. */
  private int started;

  // Guarded by this.
  private final @Nullable Job[] underWay = new @Nullable Job[DEPTH];
  private @Nullable Job first;
  private @Nullable Job last;
  private long begun;
  private long ended;
  private int contexts;
  private @Nullable Throwable unusable;
  private boolean closed;
  private boolean allBegun;
  private boolean over;
  private boolean givenUp;
  private boolean stuck;

  /**
   * Opens what it needs; the context must be the calling thread's.
   *
   * @param out whether it copies from the device
   * @param kernel what copies a table; 0 for none
   */
  CopyLane(String device, DeviceLibrary library, long context, boolean out, long kernel) {
    this.device = device;
    this.library = library;
    this.context = context;
    this.out = out;
    this.kernel = kernel;
    try {
      stream = library.createStream();
      // What may be called in a full heap for the first time is linked now.
      library.awaitStream(stream);
      for (int i = 0; i < DEPTH; i++) {
        long event = library.createEvent();
        try {
          ways[i] = new Way(event, new CopyTable(library));
        } catch (Throwable t) {
          library.destroyEvent(event);
          throw t;
        }
      }
      start("-end", this::runEnds);
      start("", this::runBegins);
      awaitContexts();
      throwIfUnusable();
    } catch (Throwable t) {
      noneBegins();
      awaitContexts(); // who opened the device gives the context back next
      Failures failures = new Failures();
      failures.add(t);
      release(failures);
      throw t;
    }
  }

  private void start(String role, Runnable work) {
    String name = "te-copy-" + device + (out ? "-out" : "-in") + role;
    Thread.ofPlatform().daemon().name(name).start(work);
    started++;
  }

  /** Waits until each thread that was started has the context, or knows that it will not. */
  private synchronized void awaitContexts() {
    boolean interrupted = false;
    while (contexts < started) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Or else a lane whose thread found no memory for a moment would fail all copies for ever. */
  private synchronized void throwIfUnusable() {
    if (unusable instanceof Error error) {
      throw error;
    } else if (unusable instanceof RuntimeException exception) {
      throw exception;
    }
  }

  /** Queues a copy. {@return false if it is closed: then nobody is told} */
  synchronized boolean submit(Job job) {
    if (closed) {
      return false;
    }
    Job before = last;
    if (before == null) {
      first = job;
    } else {
      before.next = job;
    }
    last = job;
    notifyAll();
    return true;
  }

  // ---- the thread that begins copies

  private void runBegins() {
    pushContext();
    for (Job job = next(); job != null; job = next()) {
      begin(job);
      isBegun(job);
    }
    noneBegins();
  }

  private void pushContext() {
    try {
      library.pushContext(context);
      hasContext(null);
    } catch (Throwable t) {
      hasContext(t);
    }
  }

  private synchronized void hasContext(@Nullable Throwable whyNot) {
    contexts++;
    unusable = unusable == null ? whyNot : unusable;
    notifyAll();
  }

  /** {@return what to begin, once there is room for it; null at the end} */
  private synchronized @Nullable Job next() {
    while (!stuck && !allBegun && (begun - ended == DEPTH || (first == null && !closed))) {
      try {
        wait();
      } catch (InterruptedException ignored) {
        // Nobody has reason to interrupt our threads; they end when the lane is closed.
      }
    }
    Job job = stuck ? null : first;
    if (job != null) {
      first = job.next;
      if (first == null) {
        last = null;
      }
    }
    return job;
  }

  private synchronized void isBegun(Job job) {
    underWay[(int) (begun % DEPTH)] = job;
    begun++;
    notifyAll();
  }

  private synchronized void noneBegins() {
    allBegun = true;
    notifyAll();
  }

  private void begin(Job job) {
    try {
      issue(job, way(free()));
    } catch (Throwable t) {
      job.failure = t;
    }
  }

  private synchronized int free() {
    return (int) (begun % DEPTH);
  }

  private Way way(int slot) {
    Way way = ways[slot];
    if (way == null) {
      throw new IllegalStateException("The lane is not open");
    }
    return way;
  }

  private void issue(Job job, Way way) {
    CopyList list = job.list;
    // A launch and a batch know no order; copies on a stream do, and writes are done in theirs.
    boolean plain =
        list.count() == 1
            || list.bytes() / list.count() >= PLAIN_BYTES_MIN
            || (!out && list.hasOverlaps());
    if (plain || (kernel == 0 && !library.hasBatches())) {
      long at = job.host;
      for (int i = 0; i < list.count(); i++) {
        long length = list.length(i);
        if (out) {
          library.copyOut(at, list.address(i), length, stream);
        } else {
          library.copyIn(list.address(i), at, length, stream);
        }
        at += length;
      }
    } else {
      CopyTable table = way.table;
      table.fill(list, job.host, out);
      if (kernel != 0) {
        library.launch(kernel, table.count(), THREADS, table.address(), stream);
      } else {
        library.copyAll(table.targets(), table.sources(), table.lengths(), table.count(), stream);
      }
    }
    library.record(way.event, stream);
  }

  // ---- the thread that waits for their ends

  private void runEnds() {
    pushContext();
    for (Job job = oldest(); job != null; job = oldest()) {
      Throwable failure = job.failure == null ? awaitCopy() : job.failure;
      // A part of what failed may be under way.
      if (failure != null && !awaitAll()) {
        noneEnds();
        return;
      }
      // Before: the next one can begin while this one is told of.
      hasEnded();
      tell(job, failure);
    }
    synchronized (this) {
      over = true;
      notifyAll();
    }
  }

  private synchronized void noneEnds() {
    stuck = true;
    notifyAll();
  }

  /** {@return what was begun first of what is under way; null at the end} */
  private synchronized @Nullable Job oldest() {
    while (ended == begun && !allBegun) {
      try {
        wait();
      } catch (InterruptedException ignored) {
        // As in next().
      }
    }
    return ended == begun ? null : underWay[(int) (ended % DEPTH)];
  }

  private synchronized void hasEnded() {
    underWay[(int) (ended % DEPTH)] = null;
    ended++;
    notifyAll();
  }

  /** {@return what was thrown} */
  private @Nullable Throwable awaitCopy() {
    try {
      // Only this thread counts ends.
      library.awaitEvent(way((int) (ended % DEPTH)).event);
      return null;
    } catch (Throwable t) {
      return t;
    }
  }

  /**
   * Waits until nothing of this lane is under way. A device that is lost touches nothing any more,
   * nor does a stream that there is not, because somebody has reset the device; any other error,
   * such as a full heap, says nothing about copies.
   *
   * @return false if that cannot be known, and closing does not wait any longer
   */
  private boolean awaitAll() {
    while (true) {
      try {
        library.awaitStream(stream);
        return true;
      } catch (DeviceException e) {
        if (e.isSticky() || e.code() == Cuda.CUDA_ERROR_INVALID_HANDLE()) {
          return true;
        }
      } catch (Throwable t) {
        // Asked again.
      }
      if (!mayAskAgain()) {
        return false;
      }
    }
  }

  private synchronized boolean mayAskAgain() {
    long end = System.nanoTime() + AGAIN_MILLIS * 1_000_000;
    while (!givenUp && end - System.nanoTime() > 0) {
      try {
        wait(AGAIN_MILLIS);
      } catch (InterruptedException ignored) {
        // As in next().
      }
    }
    return !givenUp;
  }

  private void tell(Job job, @Nullable Throwable failure) {
    try {
      job.completion.copied(failure == null ? null : inWords(failure));
    } catch (Throwable t) {
      Anyway.failed(log, "Telling of a copy", t);
    }
  }

  private TransferException inWords(Throwable failure) {
    try {
      return DeviceErrors.failed(device, failure);
    } catch (Throwable t) {
      return WORDLESS;
    }
  }

  // ---- the end

  /**
   * Ends it once what is queued has been copied.
   *
   * @return whether its threads have ended and everything was given back
   */
  boolean close() {
    synchronized (this) {
      closed = true;
      notifyAll();
      long end = System.nanoTime() + JOIN_MILLIS * 1_000_000;
      boolean interrupted = false;
      while (!over && end - System.nanoTime() > 0) {
        try {
          wait(Math.max(1, (end - System.nanoTime()) / 1_000_000));
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      if (!over) {
        givenUp = true;
        return false;
      }
    }
    Failures failures = new Failures();
    release(failures);
    failures.throwIfAny();
    return true;
  }

  private void release(Failures failures) {
    for (int i = 0; i < DEPTH; i++) {
      Way way = ways[i];
      ways[i] = null;
      if (way != null) {
        failures.attempt(() -> library.destroyEvent(way.event));
        failures.attempt(way.table::close);
      }
    }
    if (stream != 0) {
      long destroyed = stream;
      stream = 0;
      failures.attempt(() -> library.destroyStream(destroyed));
    }
  }
}
