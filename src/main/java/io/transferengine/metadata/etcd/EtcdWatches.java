// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.Watch;
import io.etcd.jetcd.options.WatchOption;
import io.etcd.jetcd.watch.WatchResponse;
import io.transferengine.logging.Anyway;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.net.WaitingThreads;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The watches on etcd's keys. Each has its own stream.
 *
 * <p>A broken stream is opened again when etcd has answered a call. It starts at the first revision
 * that the watch has not seen, so that no change is missed. While etcd is away, no watch reports
 * anything: nothing can have changed, and what peers have read is then worth most. If etcd comes
 * back with a smaller revision than before, it has lost its data, and every watch reports a change.
 * Thread-safe.
 */
final class EtcdWatches implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EtcdWatches.class);

  private final Set<Entry> entries = ConcurrentHashMap.newKeySet();

  /** The highest revision in any answer. Guarded by this. */
  private long revision;

  /** The client that answered last. Guarded by this. */
  private @Nullable Client current;

  /** A watch, until it has reported a change or was closed. */
  private final class Entry implements MetadataStore.Watch {
    private final ByteSequence key;
    private final Runnable changed;
    private final AtomicBoolean over = new AtomicBoolean();

    /** The first revision that the watch reports. */
    private final long fromRevision;

    /** Guarded by this, as is the next field. */
    private Watch.@Nullable Watcher watcher;

    private @Nullable Client attachedTo;

    Entry(ByteSequence key, long fromRevision, Runnable changed) {
      this.key = key;
      this.fromRevision = fromRevision;
      this.changed = changed;
    }

    @SuppressWarnings("ReferenceEquality") // this very client
    synchronized void attach(Client client) {
      if (over.get() || attachedTo == client) {
        return;
      }
      detach();
      attachedTo = client;
      WatchOption option = WatchOption.builder().withRevision(fromRevision).build();
      try {
        watcher = client.getWatchClient().watch(key, option, new Listener(this, client));
      } catch (RuntimeException e) {
        attachedTo = null;
        log.debug("Watching {} failed", key, e);
      }
    }

    /** The stream of that client has ended. */
    @SuppressWarnings("ReferenceEquality") // this very client
    synchronized void lost(Client client) {
      if (attachedTo == client) {
        attachedTo = null;
      }
    }

    private void detach() {
      Watch.Watcher known = watcher;
      watcher = null;
      if (known != null) {
        try {
          known.close();
        } catch (RuntimeException e) {
          log.debug("Closing a watch of {} failed", key, e);
        }
      }
    }

    void tell() {
      if (over.compareAndSet(false, true)) {
        entries.remove(this);
        try {
          var _ = WaitingThreads.start("te-etcd-watch", this::report);
        } catch (Throwable noThread) {
          report();
        }
      }
    }

    private void report() {
      synchronized (this) {
        detach();
      }
      changed.run();
    }

    @Override
    public void close() {
      if (over.compareAndSet(false, true)) {
        entries.remove(this);
        synchronized (this) {
          detach();
        }
      }
    }
  }

  /** Takes jetcd's calls, on jetcd's threads. */
  private record Listener(Entry entry, Client client) implements Watch.Listener {
    @Override
    public void onNext(WatchResponse response) {
      if (!response.getEvents().isEmpty()) {
        entry.tell();
      }
    }

    @Override
    public void onError(Throwable failure) {
      log.debug("A watch of {} broke", entry.key, failure);
      if (String.valueOf(failure.getMessage()).contains("compacted")) {
        // etcd has dropped the changes since then, so there may have been one.
        entry.tell();
      }
      entry.lost(client);
    }

    @Override
    public void onCompleted() {
      entry.lost(client);
    }
  }

  /** Begins a watch for changes after a revision. */
  MetadataStore.Watch begin(ByteSequence key, long afterRevision, Runnable changed) {
    Entry entry = new Entry(key, afterRevision + 1, changed);
    entries.add(entry);
    Client client;
    synchronized (this) {
      client = current;
    }
    if (client != null) {
      entry.attach(client);
    }
    return entry;
  }

  /**
   * Takes note that a client's call was answered: broken streams are opened again, with that
   * client.
   */
  @SuppressWarnings("ReferenceEquality") // this very client
  void served(Client client) {
    synchronized (this) {
      current = client;
    }
    for (Entry entry : entries) {
      boolean attached;
      synchronized (entry) {
        attached = entry.attachedTo == client;
      }
      if (!attached) {
        entry.attach(client);
      }
    }
  }

  /** Takes note of the revision in an answer. */
  void answered(long seen, boolean firstOfClient) {
    boolean rolledBack;
    synchronized (this) {
      rolledBack = firstOfClient && seen < revision;
      revision = rolledBack ? seen : Math.max(revision, seen);
    }
    if (rolledBack) {
      entries.forEach(Entry::tell);
    }
  }

  @Override
  public void close() {
    for (Entry entry : entries) {
      Anyway.run(log, "Ending a watch", entry::close);
    }
  }
}
