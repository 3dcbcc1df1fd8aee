// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import io.transferengine.bindings.Cuda;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** The events of simulated devices. Thread-safe. */
public final class SimulatedEvents {
  private static final long FIRST = 1L << 32;

  private final Map<Long, CompletableFuture<Void>> known = new HashMap<>();
  private long next = FIRST;

  SimulatedEvents() {}

  synchronized long create(boolean happened) {
    long handle = next++;
    known.put(handle, new CompletableFuture<>());
    if (happened) {
      happen(handle);
    }
    return handle;
  }

  /** {@return an event of the test's, which has not happened} */
  public long pending() {
    return create(false);
  }

  /** An event of the test's happens. */
  public synchronized void happen(long handle) {
    Objects.requireNonNull(known.get(handle)).complete(null);
  }

  /** The device of an event of the test's is lost: it is none of the simulated ones. */
  public synchronized void lose(long handle) {
    Objects.requireNonNull(known.get(handle)).completeExceptionally(new CancellationException());
  }

  /** {@return whether it has happened} */
  static boolean isOver(CompletableFuture<Void> event) {
    if (event.isCompletedExceptionally()) {
      throw SimulatedExports.failure("cuEventQuery", Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
    }
    return event.isDone();
  }

  /** {@return whether there was one} */
  public synchronized boolean destroy(long handle) {
    return known.remove(handle) != null;
  }

  synchronized boolean replace(long handle, CompletableFuture<Void> by) {
    return known.replace(handle, by) != null;
  }

  synchronized @Nullable CompletableFuture<Void> get(long handle) {
    return known.get(handle);
  }

  synchronized int count() {
    return known.size();
  }

  synchronized void clear() {
    known.clear();
  }
}
