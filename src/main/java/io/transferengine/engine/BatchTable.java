// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import java.time.Duration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The batch numbers of the status-code API. Numbers count up and are never used again. A batch
 * under way is always known. The newest results of ended batches are kept until the caller asks. A
 * result is a state and a text: the columns of the batch, which may be megabytes, are dropped when
 * it ends. Thread-safe.
 */
public final class BatchTable {
  /** Results that nobody fetched yet; the oldest are dropped first. */
  public static final int RESULTS_LIMIT = 65_536;

  /** Characters of a result's text that are kept. */
  private static final int TEXT_LIMIT = 1000;

  /** Longer than any deadline: a transfer ends by itself. */
  private static final Duration UNTIL_THE_END = Duration.ofDays(36_500);

  /**
   * The state of a batch.
   *
   * @param state its state
   * @param failure why it did not complete; empty if it did, and while it runs
   */
  public record Result(TransferState state, String failure) {
    private static final Result COMPLETED = new Result(TransferState.COMPLETED, "");

    static Result of(TransferHandle handle) {
      TransferState state = handle.state();
      if (state == TransferState.COMPLETED) {
        return COMPLETED;
      }
      Optional<TransferException> why = handle.failure();
      String text = why.isPresent() ? String.valueOf(why.get().getMessage()) : "";
      return new Result(
          state, text.length() > TEXT_LIMIT ? text.substring(0, TEXT_LIMIT) + " ..." : text);
    }
  }

  private final Map<Long, TransferHandle> running = new HashMap<>();
  private final LinkedHashMap<Long, Result> ended = new LinkedHashMap<>();
  private long last;

  /** An empty table. */
  public BatchTable() {}

  /**
   * {@return the number of a transfer from now on, above 0}
   *
   * @param handle a transfer from {@link EngineCore#submit}; it is canceled if there is no memory
   *     to keep it, since nobody could ask for it
   */
  public long add(TransferHandle handle) {
    long id = 0;
    try {
      synchronized (this) {
        id = last + 1;
        last = id;
        running.put(id, handle);
      }
      handle.whenOver(new Over(id));
      return id;
    } catch (Throwable t) {
      try {
        handle.cancel();
      } finally {
        var _ = forget(id);
      }
      throw t;
    }
  }

  private final class Over implements Runnable {
    private final long id;

    Over(long id) {
      this.id = id;
    }

    @Override
    public void run() {
      over(id);
    }
  }

  private synchronized void over(long id) {
    TransferHandle handle = running.get(id);
    if (handle == null) {
      return;
    }
    ended.put(id, Result.of(handle));
    running.remove(id);
    if (ended.size() > RESULTS_LIMIT) {
      ended.pollFirstEntry();
    }
  }

  /** {@return the state of a batch; empty for a number that was never given, or already fetched} */
  public Optional<Result> find(long id) {
    TransferHandle handle;
    synchronized (this) {
      handle = running.get(id);
      if (handle == null) {
        return Optional.ofNullable(ended.get(id));
      }
    }
    return Optional.of(Result.of(handle));
  }

  /** Waits for the end of a batch. {@return as {@link #find} then} */
  public Optional<Result> await(long id) throws InterruptedException {
    TransferHandle handle;
    synchronized (this) {
      handle = running.get(id);
    }
    if (handle == null) {
      return find(id);
    }
    handle.await(UNTIL_THE_END);
    return Optional.of(Result.of(handle));
  }

  /** Forgets a batch whose result was fetched. {@return whether it was known} */
  public synchronized boolean forget(long id) {
    return running.remove(id) != null || ended.remove(id) != null;
  }
}
