// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.Transfer;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The numbers by which callers of the status-code API know their batches. Numbers count up and are
 * never used again. A batch under way is always known; of those that have ended the newest results
 * are kept until somebody asks. Thread-safe.
 */
public final class BatchTable {
  /** Results that nobody asked for yet; the oldest go first. */
  public static final int RESULTS_LIMIT = 65_536;

  private final Map<Long, TransferHandle> running = new HashMap<>();
  private final LinkedHashMap<Long, TransferHandle> ended = new LinkedHashMap<>();
  private long last;

  /** An empty table. */
  public BatchTable() {}

  /**
   * {@return the number of a transfer from now on, above 0}
   *
   * @param transfer one that {@link EngineCore#submit} returned
   */
  public long add(Transfer transfer) {
    TransferHandle handle = (TransferHandle) transfer;
    long id;
    synchronized (this) {
      id = ++last;
      running.put(id, handle);
    }
    handle.whenOver(() -> over(id));
    return id;
  }

  private synchronized void over(long id) {
    TransferHandle handle = running.remove(id);
    if (handle == null) {
      return;
    }
    ended.put(id, handle);
    if (ended.size() > RESULTS_LIMIT) {
      ended.pollFirstEntry();
    }
  }

  /** {@return the transfer of a number; empty for one never given, or asked for already} */
  public synchronized Optional<Transfer> find(long id) {
    TransferHandle handle = running.get(id);
    return Optional.ofNullable(handle == null ? ended.get(id) : handle);
  }

  /** Forgets a batch whose result somebody has seen; {@return whether it was known} */
  public synchronized boolean forget(long id) {
    return running.remove(id) != null || ended.remove(id) != null;
  }
}
