// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.events.EngineHealth;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps {@link OwnRecords} in the metadata service for as long as the engine is open.
 *
 * <p>One thread does the work. Three times per time to live it asks the service to keep both
 * records, and it writes the descriptor when registrations have changed. While the service is away
 * it tries again after pauses that grow to some seconds. The pauses differ between engines, so that
 * a service that comes back is not overloaded.
 *
 * <p><b>Registering memory</b> waits until the service has the descriptor, so that a peer that
 * learns of the memory finds it. It never waits longer than {@link #PUBLISH_WAIT}, and not at all
 * while the service is away: then the memory is published later. Changes for which no caller waits,
 * such as unregistering, are collected for a moment: etcd keeps each version of the record, and a
 * thousand of them may fill its quota.
 */
final class Publication implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Publication.class);

  /** A start that cannot register fails within 5 s, and has other steps too. */
  static final Duration START_TIMEOUT = Duration.ofSeconds(4);

  /** A little more than the time for one question. */
  private static final Duration PUBLISH_WAIT = Duration.ofSeconds(6);

  /** The time to remove our records when the engine is closed. */
  private static final Duration REMOVE_TIMEOUT = Duration.ofMillis(800);

  /** Renewals per time to live: two may fail before a record is lost. */
  private static final int REFRESHES_PER_TTL = 3;

  private static final long BACK_OFF_MIN_MILLIS = 200;

  /** All engines are back in the service within 10 s of its return. */
  private static final long BACK_OFF_MAX_MILLIS = 3_000;

  /** A change for which no caller waits is published when no other came for this long... */
  private static final long QUIET_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  /** ...or the first of them is this old. */
  private static final long COLLECT_MAX_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final OwnRecords records;
  private final long refreshMillis;
  private final Thread thread;

  // All below are guarded by this.
  private long wanted = 1;
  private long published;
  private long firstChangeNanos;
  private long lastChangeNanos;
  private int waiting;
  private boolean away;
  private String awayBecause = "";
  private boolean closed;

  /**
   * Nothing registered yet.
   *
   * @param ttlSeconds how long the service keeps a record that is not renewed
   */
  Publication(OwnRecords records, int ttlSeconds) {
    this.records = records;
    refreshMillis = TimeUnit.SECONDS.toMillis(ttlSeconds) / REFRESHES_PER_TTL;
    thread = WaitingThreads.factory("te-publication").newThread(this::run);
  }

  /**
   * Registers and begins to keep the records.
   *
   * @param inBackground whether the engine opens even if the service is away
   * @throws TransferException if the service is away and {@code inBackground} is false, or another
   *     live engine owns the name
   */
  void start(boolean inBackground) {
    try {
      records.prepare(START_TIMEOUT);
      work(System.nanoTime() + START_TIMEOUT.toNanos());
    } catch (TransferException e) {
      if (!inBackground || e.code() != ErrorCode.METADATA_UNAVAILABLE) {
        throw e;
      }
      failed(e);
    }
    thread.start();
  }

  // ---- the other threads of the engine

  /** Our descriptor has changed; it is published soon. Does not wait. */
  synchronized void changed() {
    lastChangeNanos = System.nanoTime();
    if (published >= wanted) {
      firstChangeNanos = lastChangeNanos;
    }
    wanted++;
    notifyAll();
  }

  /** {@return that the records are not in the service, if that is so} */
  synchronized Optional<EngineHealth.Problem> problem() {
    return away
        ? Optional.of(
            new EngineHealth.Problem(
                "The engine's records (%s) are not in the metadata service, so peers that do not"
                        .formatted(records.key())
                    + " know it cannot find it: "
                    + awayBecause,
                "The engine tries again until it works; ./te doctor says whether the service"
                    + " answers"))
        : Optional.empty();
  }

  /** Waits until the changes are published, but not long, and not while the service is away. */
  synchronized void awaitPublished() {
    long target = wanted;
    long endNanos = System.nanoTime() + PUBLISH_WAIT.toNanos();
    waiting++;
    try {
      notifyAll();
      while (published < target && !away && !closed) {
        long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
        if (leftMillis <= 0) {
          return;
        }
        wait(leftMillis);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      waiting--;
    }
  }

  // ---- the thread

  private void run() {
    int failures = 0;
    while (true) {
      try {
        if (!awaitWork(failures)) {
          break;
        }
        work(System.nanoTime() + workNanos(failures));
        failures = 0;
      } catch (InterruptedException e) {
        break;
      } catch (Throwable t) {
        failures = Math.min(failures + 1, 16);
        if (!isClosed()) {
          failedAnyway(t);
        }
      }
    }
  }

  /**
   * A question that is never answered must not cost the records: the first time there is so little
   * time for all that another attempt comes before they expire. A service may be as slow as that,
   * so those have more.
   */
  private long workNanos(int failures) {
    long longest = 2 * OwnRecords.CALL_TIMEOUT.toNanos();
    return failures > 0 ? longest : Math.min(longest, TimeUnit.MILLISECONDS.toNanos(refreshMillis));
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /** Waits until the records must be checked; returns false when the thread is to end. */
  private synchronized boolean awaitWork(int failures) throws InterruptedException {
    long pauseMillis =
        jittered(failures == 0 ? refreshMillis : backOffMillis(failures, refreshMillis));
    long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauseMillis);
    while (!closed) {
      long now = System.nanoTime();
      long leftNanos = endNanos - now;
      if (failures == 0 && published < wanted) {
        leftNanos = Math.min(leftNanos, collectedInNanos(now));
      }
      if (leftNanos <= 0) {
        break;
      }
      wait(TimeUnit.NANOSECONDS.toMillis(leftNanos) + 1);
    }
    return !closed;
  }

  /** How long further changes may still join those to be published. */
  private long collectedInNanos(long now) {
    return waiting > 0
        ? 0
        : Math.min(lastChangeNanos + QUIET_NANOS - now, firstChangeNanos + COLLECT_MAX_NANOS - now);
  }

  /**
   * How long to wait after failures. Never longer than between renewals: records of a short time to
   * live must not expire in a pause of ours, if it was not the service that failed.
   */
  static long backOffMillis(int failures, long refreshMillis) {
    long grown = BACK_OFF_MIN_MILLIS << Math.min(failures - 1, 8);
    return Math.min(Math.min(BACK_OFF_MAX_MILLIS, refreshMillis), grown);
  }

  /**
   * Between three quarters of it and all of it, so that engines that started together drift apart.
   */
  private static long jittered(long millis) {
    return millis - ThreadLocalRandom.current().nextLong(millis / 4 + 1);
  }

  /** In a full heap telling of it may throw as well, and the thread is to go on. */
  private void failedAnyway(Throwable e) {
    try {
      failed(e);
    } catch (Throwable untold) {
      // It is told of the next failure, or not at all.
    }
  }

  private void failed(Throwable e) {
    boolean news;
    synchronized (this) {
      news = !away;
      away = true;
      awayBecause = String.valueOf(e.getMessage());
      notifyAll();
    }
    if (!news) {
      log.debug("{} still cannot be kept in the metadata service", records.key(), e);
    } else if (e instanceof TransferException known) {
      log.warn(
          "Our records ({}) are not in the metadata service, so peers that do not know us cannot"
              + " find us; trying again until it works: {}",
          records.key(),
          known.getMessage());
    } else {
      log.error("Keeping our records ({}) in the metadata service failed", records.key(), e);
    }
  }

  private void work(long endNanos) {
    long version;
    synchronized (this) {
      version = wanted;
    }
    records.settle(endNanos);
    boolean back;
    synchronized (this) {
      published = version;
      back = away;
      away = false;
      notifyAll();
    }
    if (back) {
      log.warn("Our records ({}) are in the metadata service again", records.key());
    }
  }

  /** Removes our records within its time limit; the thread ends. Idempotent. */
  @Override
  public void close() {
    boolean reachable;
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
      reachable = !away;
      notifyAll();
    }
    thread.interrupt();
    boolean interrupted = false;
    try {
      if (thread.getState() != Thread.State.NEW) {
        boolean _ = thread.join(REMOVE_TIMEOUT);
      }
    } catch (InterruptedException e) {
      interrupted = true;
    }
    if (reachable && !thread.isAlive()) {
      records.remove(System.nanoTime() + REMOVE_TIMEOUT.toNanos());
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
