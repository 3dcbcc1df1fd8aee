// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * What is known of peers, by segment name.
 *
 * <p>A name is looked up once for all transfers that wait for it. A failure is not remembered, so
 * the next transfer asks again. An entry is dropped when its use fails. If the metadata service is
 * away when the next transfer asks, the dropped entry is used again, since the peer may have been
 * well. Thread-safe; lookups run on the executor, never on the caller's thread.
 */
final class SegmentCache {

  /** Asks a peer or a metadata service; may block. */
  interface Resolver {
    RemoteSegment resolve(String name, Duration timeout);
  }

  /**
   * The most entries; beyond it an arbitrary one is dropped. A descriptor can have many buffers.
   */
  private static final int ENTRIES_LIMIT = 16_384;

  /**
   * A lookup that has not ended after this time may never end, because its question or answer was
   * lost. So the next caller starts another one. A slow peer gets only a few of them, and its first
   * answer serves all.
   */
  private static final Duration OVERDUE = Duration.ofSeconds(5);

  /** Until an answer for which there was no memory is tried again. */
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  /** One question and its answer. */
  static final class Lookup extends CompletableFuture<RemoteSegment> {
    private final long startNanos = System.nanoTime();

    /** {@return whether it began at least this long ago} */
    boolean isOlderThan(Duration age) {
      return System.nanoTime() - startNanos > age.toNanos();
    }
  }

  private final Resolver resolver;
  private final Executor executor;
  private final boolean disabled;
  private final ConcurrentMap<String, Lookup> entries = new ConcurrentHashMap<>();

  /** How often {@link #forget} was called. A lookup that finds it changed has read too early. */
  private final AtomicLong forgotten = new AtomicLong();

  /** Entries dropped because their use failed, until a lookup succeeds. */
  private final ConcurrentMap<String, Suspect> suspects = new ConcurrentHashMap<>();

  /**
   * An entry that was dropped.
   *
   * @param outdated whether it looked as if the peer had changed since
   */
  private record Suspect(RemoteSegment segment, boolean outdated) {}

  /**
   * An empty cache.
   *
   * @param disabled whether each use asks again (MC_DISABLE_METACACHE)
   */
  SegmentCache(Resolver resolver, Executor executor, boolean disabled) {
    this.resolver = resolver;
    this.executor = executor;
    this.disabled = disabled;
  }

  /** {@return the segment if it is known and may be used; null if not} Asked for each transfer. */
  @Nullable RemoteSegment known(String name) {
    Lookup entry = disabled ? null : entries.get(name);
    return entry != null && entry.isDone() && !entry.isCompletedExceptionally()
        ? entry.join()
        : null;
  }

  /**
   * {@return the segment, known or looked up} Several callers may wait for one answer: none may
   * complete the future, and each has its own deadline. If it fails, only who asked fails with it:
   * whoever joined later asks once more, and all of them together.
   *
   * @param timeout how long a lookup that this call starts may take
   */
  Lookup get(String name, Duration timeout) {
    return get(name, timeout, true);
  }

  private Lookup get(String name, Duration timeout, boolean again) {
    while (true) {
      Lookup entry = entries.get(name);
      if (entry != null && (entry.isDone() ? !disabled : !entry.isOlderThan(OVERDUE))) {
        return again && !entry.isDone() ? joined(entry, name, timeout) : entry;
      }
      Lookup made = new Lookup();
      boolean placed =
          entry == null
              ? entries.putIfAbsent(name, made) == null
              : entries.replace(name, entry, made);
      if (placed) {
        makeRoom(name);
        if (entry != null && !entry.isDone()) {
          shareAnswer(entry, made);
          shareAnswer(made, entry);
        }
        lookUp(name, timeout, made);
        return made;
      }
    }
  }

  /** The question of another, which may have failed already when this one is put. */
  private Lookup joined(Lookup asked, String name, Duration timeout) {
    Lookup made = new Lookup();
    var _ =
        asked.whenComplete(
            new BiConsumer<@Nullable RemoteSegment, @Nullable Throwable>() {
              @Override
              public void accept(@Nullable RemoteSegment found, @Nullable Throwable failure) {
                if (found != null) {
                  made.complete(found);
                } else if (failure != null) {
                  askAgain(name, timeout, made, failure);
                }
              }
            });
    return made;
  }

  private void askAgain(String name, Duration timeout, Lookup made, Throwable failure) {
    try {
      var _ =
          get(name, timeout, false)
              .whenComplete(
                  new BiConsumer<@Nullable RemoteSegment, @Nullable Throwable>() {
                    @Override
                    public void accept(
                        @Nullable RemoteSegment found, @Nullable Throwable failedAgain) {
                      if (found != null) {
                        made.complete(found);
                      } else if (failedAgain != null) {
                        fail(made, failedAgain);
                      }
                    }
                  });
    } catch (Throwable t) {
      // There may be no memory to ask.
      fail(made, failure);
    }
  }

  /** Nobody would try again: so this waits until there is memory. */
  private static void fail(Lookup made, Throwable why) {
    while (true) {
      try {
        made.completeExceptionally(why);
        return;
      } catch (OutOfMemoryError e) {
        LockSupport.parkNanos(PAUSE_NANOS);
      }
    }
  }

  private static void shareAnswer(Lookup from, Lookup to) {
    var _ =
        from.thenAccept(
            new Consumer<>() {
              @Override
              public void accept(RemoteSegment found) {
                to.complete(found);
              }
            });
  }

  /**
   * {@return the segment, known or looked up} The calling thread waits.
   *
   * @param timeout how long it waits at most
   * @param lookUp how long a lookup that this call starts may take
   */
  RemoteSegment await(String name, Duration timeout, Duration lookUp) {
    try {
      return get(name, lookUp).get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw TransferErrors.of(name, e);
    } catch (TimeoutException e) {
      throw TransferException.withPeer(
          name,
          ErrorCode.TIMEOUT,
          "its descriptor did not arrive within " + timeout.toMillis() + " ms",
          "Is the peer alive and the network up?",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw TransferException.withPeer(
          name, ErrorCode.CANCELED, "the thread was interrupted while it was looked up", "", e);
    }
  }

  /** {@return the segment by the peer's present descriptor} The calling thread waits. */
  RemoteSegment refresh(String name, Duration timeout) {
    long seen = forgotten.get();
    RemoteSegment fresh = resolver.resolve(name, timeout);
    suspects.remove(name);
    Lookup entry = new Lookup();
    entry.complete(fresh);
    Lookup before = entries.put(name, entry);
    if (before != null) {
      // Threads that wait for an earlier question get this answer too.
      before.complete(fresh);
    }
    makeRoom(name);
    if (forgotten.get() != seen) {
      entries.remove(name, entry);
    }
    return fresh;
  }

  private void lookUp(String name, Duration timeout, Lookup made) {
    try {
      executor.execute(
          new Runnable() {
            @Override
            public void run() {
              answer(name, timeout, made);
            }
          });
    } catch (Throwable t) {
      // There may be no thread for it: then nobody must wait for the answer.
      failed(name, made, t);
    }
  }

  /** On a thread of its own. Whoever waits is told, if need be when there is memory again. */
  private void answer(String name, Duration timeout, Lookup made) {
    RemoteSegment found = null;
    Throwable why = null;
    try {
      found = resolver.resolve(name, timeout);
      suspects.remove(name);
    } catch (Throwable t) {
      why = t;
    }
    while (!isTold(name, made, found, why)) {
      LockSupport.parkNanos(PAUSE_NANOS);
    }
  }

  private boolean isTold(
      String name, Lookup made, @Nullable RemoteSegment found, @Nullable Throwable why) {
    try {
      if (found != null) {
        made.complete(found);
      } else {
        notFound(name, made, why == null ? new IllegalStateException(name) : why);
      }
      return true;
    } catch (OutOfMemoryError e) {
      return false;
    }
  }

  private void notFound(String name, Lookup made, Throwable why) {
    Suspect suspect = isOf(why, ErrorCode.METADATA_UNAVAILABLE) ? suspects.get(name) : null;
    if (suspect == null) {
      failed(name, made, why);
      if (isOf(why, ErrorCode.METADATA) || isOf(why, ErrorCode.SOCKET)) {
        suspects.remove(name); // The service knows it no more, or nobody answers for it.
      }
    } else {
      entries.remove(name, made);
      made.complete(suspect.segment);
    }
  }

  private static boolean isOf(Throwable why, ErrorCode code) {
    return why instanceof TransferException e && e.code() == code;
  }

  private void failed(String name, Lookup made, Throwable why) {
    entries.remove(name, made);
    made.completeExceptionally(why);
  }

  private void makeRoom(String newest) {
    if (entries.size() <= ENTRIES_LIMIT) {
      return;
    }
    for (String name : entries.keySet()) {
      Lookup entry = entries.get(name);
      if (!name.equals(newest) && entry != null && entry.isDone()) {
        entries.remove(name, entry);
        return;
      }
    }
  }

  /** {@return the segment as it was when a use of it failed because the peer has changed since} */
  Optional<RemoteSegment> outdated(String name) {
    Suspect suspect = suspects.get(name);
    return suspect != null && suspect.outdated ? Optional.of(suspect.segment) : Optional.empty();
  }

  /**
   * Forgets a segment whose use failed, unless it was looked up again meanwhile.
   *
   * @param outdated whether it failed as it does when the peer has changed since
   */
  @SuppressWarnings("ReferenceEquality") // this answer, not an equal one
  void drop(RemoteSegment failed, boolean outdated) {
    String name = failed.name();
    Lookup entry = entries.get(name);
    Suspect suspect = new Suspect(failed, outdated);
    if (entry != null
        && entry.isDone()
        && !entry.isCompletedExceptionally()
        && entry.join() == failed) {
      makeRoomForSuspect();
      suspects.put(name, suspect);
      if (!entries.remove(name, entry)) {
        suspects.remove(name, suspect); // It was forgotten meanwhile.
      }
    } else if (outdated) {
      // Another use of it has failed before, perhaps for a reason that says less.
      Suspect known = suspects.get(name);
      if (known != null && known.segment == failed && !known.outdated) {
        boolean _ = suspects.replace(name, known, suspect);
      }
    }
  }

  private void makeRoomForSuspect() {
    if (suspects.size() >= ENTRIES_LIMIT) {
      for (String any : suspects.keySet()) {
        suspects.remove(any);
        return;
      }
    }
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
