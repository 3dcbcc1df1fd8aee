// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metadata.MetadataUnavailableException;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;

/**
 * What is known of peers, by segment name.
 *
 * <p>A name is looked up once however many transfers wait for it; a failure is not remembered, so
 * that the next transfer asks again. An entry is dropped when its use fails; should the metadata
 * service be away when the next transfer asks, it serves once more, since the peer may have been
 * well. Thread-safe; lookups run on the executor, never on the caller's thread.
 */
final class SegmentCache {

  /** Asks a peer or a metadata service; may block. */
  interface Resolver {
    RemoteSegment resolve(String name, Duration timeout);
  }

  /** Entries kept; beyond it an arbitrary one makes room. A descriptor can have many buffers. */
  private static final int ENTRIES_LIMIT = 16_384;

  private final Resolver resolver;
  private final Executor executor;
  private final boolean disabled;
  private final ConcurrentMap<String, CompletableFuture<RemoteSegment>> entries =
      new ConcurrentHashMap<>();

  /** How often {@link #forget} was called: whoever finds it changed has read too early. */
  private final AtomicLong forgotten = new AtomicLong();

  /** What was dropped because its use failed, until a lookup has succeeded. */
  private final ConcurrentMap<String, RemoteSegment> suspects = new ConcurrentHashMap<>();

  /**
   * An empty cache.
   *
   * @param disabled whether each use asks anew (MC_DISABLE_METACACHE)
   */
  SegmentCache(Resolver resolver, Executor executor, boolean disabled) {
    this.resolver = resolver;
    this.executor = executor;
    this.disabled = disabled;
  }

  /** {@return the segment if it is known and may be used as it is} */
  Optional<RemoteSegment> known(String name) {
    CompletableFuture<RemoteSegment> entry = disabled ? null : entries.get(name);
    return entry != null && entry.isDone() && !entry.isCompletedExceptionally()
        ? Optional.of(entry.join())
        : Optional.empty();
  }

  /**
   * {@return the segment, known or asked for}
   *
   * @param timeout how long a lookup may take that this call starts
   */
  CompletableFuture<RemoteSegment> get(String name, Duration timeout) {
    while (true) {
      CompletableFuture<RemoteSegment> entry = entries.get(name);
      if (entry != null && (!entry.isDone() || !disabled)) {
        return entry;
      }
      CompletableFuture<RemoteSegment> made = new CompletableFuture<>();
      boolean placed =
          entry == null
              ? entries.putIfAbsent(name, made) == null
              : entries.replace(name, entry, made);
      if (placed) {
        makeRoom(name);
        lookUp(name, timeout, made);
        return made;
      }
    }
  }

  /** {@return the segment as the peer describes it now} The calling thread waits. */
  RemoteSegment refresh(String name, Duration timeout) {
    long before = forgotten.get();
    RemoteSegment fresh = resolver.resolve(name, timeout);
    suspects.remove(name);
    CompletableFuture<RemoteSegment> entry = CompletableFuture.completedFuture(fresh);
    entries.put(name, entry);
    makeRoom(name);
    if (forgotten.get() != before) {
      entries.remove(name, entry);
    }
    return fresh;
  }

  private void lookUp(String name, Duration timeout, CompletableFuture<RemoteSegment> made) {
    executor.execute(
        () -> {
          try {
            RemoteSegment found = resolver.resolve(name, timeout);
            suspects.remove(name);
            made.complete(found);
          } catch (MetadataUnavailableException e) {
            entries.remove(name, made);
            RemoteSegment suspect = suspects.get(name);
            if (suspect == null) {
              made.completeExceptionally(e);
            } else {
              made.complete(suspect);
            }
          } catch (TransferException e) {
            entries.remove(name, made);
            made.completeExceptionally(e);
          } catch (Throwable t) {
            entries.remove(name, made);
            made.completeExceptionally(t);
          }
        });
  }

  private void makeRoom(String newest) {
    if (entries.size() <= ENTRIES_LIMIT) {
      return;
    }
    for (String name : entries.keySet()) {
      CompletableFuture<RemoteSegment> entry = entries.get(name);
      if (!name.equals(newest) && entry != null && entry.isDone()) {
        entries.remove(name, entry);
        return;
      }
    }
  }

  /** Forgets a segment whose use failed, unless somebody has looked it up again meanwhile. */
  @SuppressWarnings("ReferenceEquality") // this very answer, not one that says the same
  void drop(RemoteSegment failed) {
    entries.computeIfPresent(
        failed.name(),
        (name, entry) -> {
          if (!entry.isDone() || entry.isCompletedExceptionally() || entry.join() != failed) {
            return entry;
          }
          if (suspects.size() < ENTRIES_LIMIT) {
            suspects.put(name, failed);
          }
          return null;
        });
  }

  /** Forgets a segment whose records have changed; a lookup under way is not remembered. */
  void forget(String name) {
    forgotten.incrementAndGet();
    entries.remove(name);
    suspects.remove(name);
  }

  /** {@return the names of all entries} */
  List<String> names() {
    return List.copyOf(entries.keySet());
  }
}
