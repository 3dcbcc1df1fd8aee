// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.logging.Failures;
import java.util.concurrent.locks.LockSupport;

/**
 * Copies ranges within the memory that a device reaches, its own and what was opened of other
 * processes, on a stream of its own. For one thread at a time, which waits meanwhile.
 */
public final class PairCopier implements AutoCloseable {
  /** From such a mean length on, a call for each range costs less than the copy itself. */
  private static final int PLAIN_BYTES_MIN = 1 << 20;

  /** Threads that copy one piece, 16 bytes each at a time. */
  private static final int THREADS = 256;

  /** Between two questions whether copies have ended, when the first could not be asked. */
  private static final long AGAIN_NANOS = 10_000_000;

  /** What the device's context is needed for. */
  interface Context {
    /** Runs calls of the driver with the context; errors are for the user. */
    void run(Runnable calls);
  }

  private final Context device;
  private final DeviceLibrary library;
  private final long kernel;
  private final long stream;
  private final long event;
  private final CopyTable table;

  /**
   * Opens what it needs; the context must be the calling thread's.
   *
   * @param kernel what copies a table; 0 for none
   */
  PairCopier(Context device, DeviceLibrary library, long kernel) {
    this.device = device;
    this.library = library;
    this.kernel = kernel;
    long madeStream = library.createStream();
    try {
      // What may be called in a full heap for the first time is linked now.
      library.awaitStream(madeStream);
      long madeEvent = library.createEvent();
      try {
        table = new CopyTable(library);
      } catch (Throwable t) {
        library.destroyEvent(madeEvent);
        throw t;
      }
      event = madeEvent;
    } catch (Throwable t) {
      library.destroyStream(madeStream);
      throw t;
    }
    stream = madeStream;
  }

  /**
   * Copies; when it returns the bytes are where they belong. When it throws, whatever that is,
   * nothing of it is under way any more, and any part may have been copied.
   *
   * @throws io.transferengine.transfer.TransferException with the driver's text
   */
  public void copy(PairList list) {
    device.run(
        () -> {
          try {
            issue(list);
            library.record(event, stream);
            library.awaitEvent(event);
          } catch (Throwable t) {
            awaitAll();
            throw t;
          }
        });
  }

  private void issue(PairList list) {
    // A launch and a batch know no order; copies on a stream do, and writes are done in theirs.
    boolean plain =
        list.count() == 1 || list.bytes() / list.count() >= PLAIN_BYTES_MIN || list.hasOverlaps();
    if (plain || (kernel == 0 && !library.hasBatches())) {
      for (int i = 0; i < list.count(); i++) {
        library.copyWithin(list.target(i), list.source(i), list.length(i), stream);
      }
      return;
    }
    table.fill(list);
    if (kernel != 0) {
      library.launch(kernel, table.count(), THREADS, table.address(), stream);
    } else {
      library.copyAll(table.targets(), table.sources(), table.lengths(), table.count(), stream);
    }
  }

  /**
   * Waits until nothing of it is under way, for as long as that takes. A device that is lost
   * touches nothing any more; any other error, such as a full heap, says nothing about copies.
   */
  private void awaitAll() {
    while (true) {
      try {
        library.awaitStream(stream);
        return;
      } catch (DeviceException e) {
        if (e.isSticky()) {
          return;
        }
      } catch (Throwable t) {
        // Asked again.
      }
      LockSupport.parkNanos(AGAIN_NANOS);
    }
  }

  /** Gives everything back; nothing is under way. */
  @Override
  public void close() {
    Failures failures = new Failures();
    device.run(
        () -> {
          failures.attempt(() -> library.destroyEvent(event));
          failures.attempt(table::close);
          failures.attempt(() -> library.destroyStream(stream));
        });
    failures.throwIfAny();
  }
}
