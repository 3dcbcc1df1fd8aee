// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metadata.MetadataCodec;
import io.transferengine.metadata.MetadataKeys;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.metadata.MetadataUnavailableException;
import io.transferengine.metadata.RpcMetaRecord;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Keeps our two records in the metadata service: where our handshake daemon is ({@code rpc_meta}),
 * and our segment's descriptor.
 *
 * <p><b>Claiming.</b> {@code rpc_meta} decides who owns a name. A record that is there is replaced
 * only when {@link NameOwner} finds its engine dead, and only if it is still the one that was
 * looked at ({@link MetadataStore#replace}). Whoever holds {@code rpc_meta} may replace the
 * descriptor, which a dead engine may have left with buffers that no longer exist.
 *
 * <p><b>Keeping.</b> One virtual thread works off what is to be done: three times per time to live
 * it asks the service to keep both records, and it writes the descriptor when registrations have
 * changed. A record that the service has lost, because it was restarted empty or we were away too
 * long, is claimed anew. While the service is away it tries again after pauses that grow to some
 * seconds and differ from engine to engine, so that a service that comes back is not overrun.
 *
 * <p><b>Registering memory</b> waits until the service has the descriptor, so that a peer that is
 * told of the memory finds it, but never longer than {@link #PUBLISH_WAIT}, and not at all while
 * the service is away: then it is published when the service is back.
 */
final class Publication implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Publication.class);

  /** A start that cannot register ends with a failure within 5 s, and has other things to do. */
  private static final Duration START_TIMEOUT = Duration.ofSeconds(4);

  /** What one question to the service may take: as the C++ engine gives etcd. */
  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

  /** A little more than one question may take. */
  private static final Duration PUBLISH_WAIT = Duration.ofSeconds(6);

  /** What removing our records may take when the engine is closed. */
  private static final Duration REMOVE_TIMEOUT = Duration.ofMillis(800);

  /** Refreshes per time to live: two may fail before a record is lost. */
  private static final int REFRESHES_PER_TTL = 3;

  private static final long BACK_OFF_MIN_MILLIS = 200;

  /** The service is to have everybody back within 10 s of its return. */
  private static final long BACK_OFF_MAX_MILLIS = 3_000;

  /**
   * Each time somebody else was faster. Two engines may race for a name; more than two is a
   * misconfiguration.
   */
  private static final int CLAIM_ATTEMPTS = 5;

  private final MetadataStore store;
  private final NameOwner owner;
  private final Supplier<Optional<SegmentDescriptor>> own;
  private final RpcMetaRecord address;
  private final long refreshMillis;
  private final OwnRecord rpcMeta;
  private final OwnRecord descriptor;
  private final Thread thread;

  // All below are guarded by this.
  private long wanted = 1;
  private long published;
  private boolean away;
  private boolean closed;

  /** One of our records; used by one thread at a time. */
  private static final class OwnRecord {
    final String key;
    byte @Nullable [] written;

    OwnRecord(String key) {
      this.key = key;
    }

    boolean isWritten(byte[] value) {
      return written != null && Arrays.equals(written, value);
    }
  }

  /**
   * @param store belongs to the engine, which closes it afterwards
   * @param name our segment's
   * @param address where our handshake daemon is, as peers reach it
   * @param own our descriptor
   * @param ttlSeconds how long the service keeps what is not refreshed
   */
  Publication(
      MetadataStore store,
      MetadataKeys keys,
      String name,
      RpcMetaRecord address,
      NameOwner owner,
      Supplier<Optional<SegmentDescriptor>> own,
      int ttlSeconds) {
    this.store = store;
    this.owner = owner;
    this.own = own;
    this.address = address;
    refreshMillis = TimeUnit.SECONDS.toMillis(ttlSeconds) / REFRESHES_PER_TTL;
    rpcMeta = new OwnRecord(keys.rpcMeta(name));
    descriptor = new OwnRecord(keys.segment(name));
    thread = Thread.ofVirtual().name("te-publication").unstarted(this::run);
  }

  /**
   * Registers and begins to keep the records.
   *
   * @param inBackground whether a service that is away may be waited for afterwards
   * @throws TransferException when the service is away and must not be waited for, or the name is
   *     another live engine's
   */
  void start(boolean inBackground) {
    try {
      work(System.nanoTime() + START_TIMEOUT.toNanos());
    } catch (MetadataUnavailableException e) {
      if (!inBackground) {
        throw e;
      }
      failed(e);
    }
    thread.start();
  }

  // ---- the other threads of the engine

  /** Our descriptor has changed; it is published soon. Does not wait. */
  synchronized void changed() {
    wanted++;
    notifyAll();
  }

  /** Waits until what has changed is published, not for long and not for a service that is away. */
  synchronized void awaitPublished() {
    long target = wanted;
    long endNanos = System.nanoTime() + PUBLISH_WAIT.toNanos();
    while (published < target && !away && !closed) {
      long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
      if (leftMillis <= 0) {
        return;
      }
      try {
        wait(leftMillis);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return;
      }
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
        work(System.nanoTime() + 2 * CALL_TIMEOUT.toNanos());
        failures = 0;
      } catch (InterruptedException e) {
        break;
      } catch (RuntimeException e) {
        failures = Math.min(failures + 1, 16);
        if (!isClosed()) {
          failed(e);
        }
      }
    }
  }

  private synchronized boolean isClosed() {
    return closed;
  }

  /** Returns when it is time to look after the records; false when there is nothing more to do. */
  private synchronized boolean awaitWork(int failures) throws InterruptedException {
    long pauseMillis = failures == 0 ? jittered(refreshMillis) : backOffMillis(failures);
    long endNanos = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(pauseMillis);
    while (!closed && (failures > 0 || published >= wanted)) {
      long leftMillis = TimeUnit.NANOSECONDS.toMillis(endNanos - System.nanoTime());
      if (leftMillis <= 0) {
        break;
      }
      wait(leftMillis);
    }
    return !closed;
  }

  private static long backOffMillis(int failures) {
    long grown = BACK_OFF_MIN_MILLIS << Math.min(failures - 1, 8);
    return jittered(Math.min(BACK_OFF_MAX_MILLIS, grown));
  }

  /** Between three quarters and all of it: engines that began together drift apart. */
  private static long jittered(long millis) {
    return millis - ThreadLocalRandom.current().nextLong(millis / 4 + 1);
  }

  private void failed(RuntimeException e) {
    boolean news;
    synchronized (this) {
      news = !away;
      away = true;
      notifyAll();
    }
    if (!news) {
      log.debug("{} still cannot be kept in the metadata service", rpcMeta.key, e);
    } else if (e instanceof TransferException known) {
      log.warn(
          "Our records ({}) are not in the metadata service and peers that do not know us cannot"
              + " find us; trying again until it works: {}",
          rpcMeta.key,
          known.getMessage());
    } else {
      log.error("Keeping our records ({}) in the metadata service failed", rpcMeta.key, e);
    }
  }

  /** Sees to it that the service holds both records as they should be. */
  private void work(long endNanos) {
    long version;
    synchronized (this) {
      version = wanted;
    }
    settle(rpcMeta, stored(MetadataCodec.encode(address)), true, endNanos);
    byte[] json = MetadataCodec.encode(own.get().orElseThrow());
    settle(descriptor, stored(json), false, endNanos);
    boolean back;
    synchronized (this) {
      published = version;
      back = away;
      away = false;
      notifyAll();
    }
    if (back) {
      log.warn("Our records ({}) are in the metadata service again", rpcMeta.key);
    }
  }

  private byte[] stored(byte[] json) {
    return store.endsWithNewline() ? MetadataCodec.withNewline(json) : json;
  }

  private void settle(OwnRecord record, byte[] value, boolean decides, long endNanos) {
    if (record.isWritten(value)) {
      if (store.keep(record.key, value, left(endNanos))) {
        return;
      }
    } else if (record.written != null
        && store.replace(record.key, Optional.of(record.written), value, left(endNanos))) {
      record.written = value;
      return;
    }
    claim(record, value, decides, endNanos);
  }

  private void claim(OwnRecord record, byte[] value, boolean decides, long endNanos) {
    for (int attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      Optional<byte[]> present = store.get(record.key, left(endNanos));
      if (present.isPresent() && decides && !record.isWritten(present.get())) {
        addressIn(present.get()).ifPresent(where -> owner.requireGone(record.key, where));
      }
      if (store.replace(record.key, present, value, left(endNanos))) {
        record.written = value;
        return;
      }
    }
    throw new TransferException(
        ErrorCode.METADATA,
        "The record " + record.key + " was changed by others each time we were about to write it",
        "Give each engine a name of its own");
  }

  /** Where the owner of an rpc_meta record is; empty when it is too broken to say. */
  private static Optional<HostPort> addressIn(byte[] rpcMeta) {
    try {
      RpcMetaRecord record = MetadataCodec.decodeRpcMeta(rpcMeta);
      return Optional.of(new HostPort(record.host(), record.port()));
    } catch (TransferException e) {
      return Optional.empty();
    }
  }

  private static Duration left(long endNanos) {
    long nanos = Math.min(CALL_TIMEOUT.toNanos(), endNanos - System.nanoTime());
    return Duration.ofNanos(Math.max(1, nanos));
  }

  /** Removes our records, for as long as that takes at most; the thread ends. Idempotent. */
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
      long endNanos = System.nanoTime() + REMOVE_TIMEOUT.toNanos();
      for (OwnRecord record : List.of(rpcMeta, descriptor)) {
        remove(record, endNanos);
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void remove(OwnRecord record, long endNanos) {
    if (record.written == null) {
      return;
    }
    try {
      boolean _ = store.remove(record.key, record.written, left(endNanos));
    } catch (RuntimeException e) {
      log.debug("Our record {} could not be removed", record.key, e);
    }
  }
}
