// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.logging.Anyway;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.ForeignProtocols;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Modes with a metadata service: a segment has two records there (protocol sections 2 to 4), its
 * descriptor and the address of its handshake daemon.
 *
 * <p>Both are read for each question; {@link SegmentCache} remembers the answers. If the service
 * supports it, the descriptor of a found segment is watched until its next change, and the cache is
 * told of that.
 *
 * <p>The service is asked on a separate thread. The caller leaves that behind if its time is over
 * or the engine is closed.
 */
final class StoredDirectory implements SegmentDirectory {
  private static final Logger log = LoggerFactory.getLogger(StoredDirectory.class);

  /** As many as {@link SegmentCache} remembers; further segments are not watched. */
  private static final int WATCHED_LIMIT = 16_384;

  /**
   * The most addresses that are remembered for an outage; beyond it an arbitrary one is dropped.
   */
  private static final int ADDRESSES_LIMIT = 16_384;

  /** Asks an engine for its descriptor. */
  interface Owner {
    /** {@return what the engine at an address says of itself} */
    SegmentDescriptor describe(HostPort rpc, Duration timeout);
  }

  /** For the question to an owner, which may be gone, beside what the service says. */
  private static final Duration OWNER_TIMEOUT = Duration.ofSeconds(5);

  private final MetadataStore store;
  private final MetadataKeys keys;
  private final Owner owner;
  private final Executor executor;
  private final Consumer<String> changed;

  /** The actions that end the questions under way. */
  private final Set<Runnable> underWay = ConcurrentHashMap.newKeySet();

  private final Map<String, Watching> watches = new ConcurrentHashMap<>();
  private final Map<String, HostPort> addresses = new ConcurrentHashMap<>();
  private volatile boolean closed;

  /** The watch of one segment's descriptor, which changes with every restart of its owner. */
  private final class Watching {
    private final String segment;
    private MetadataStore.@Nullable Watch watch;
    private boolean over;

    Watching(String segment) {
      this.segment = segment;
    }

    void begin(String key, long revision) {
      Optional<MetadataStore.Watch> begun = store.watch(key, revision, this::changed);
      boolean late;
      synchronized (this) {
        late = over;
        watch = begun.orElse(null);
      }
      if (late) {
        end();
      }
    }

    private void changed() {
      // A newer reading may have its own watch by now: then this change is old.
      if (watches.remove(segment, this)) {
        end();
        StoredDirectory.this.changed.accept(segment);
      }
    }

    void end() {
      MetadataStore.Watch known;
      synchronized (this) {
        over = true;
        known = watch;
        watch = null;
      }
      if (known != null) {
        known.close();
      }
    }
  }

  /**
   * @param store belongs to the engine, which closes it
   * @param owner asked where the service may have an old descriptor
   * @param executor for questions
   * @param changed called with the name of a segment whose records have changed, as it was asked
   *     for
   */
  StoredDirectory(
      MetadataStore store,
      MetadataKeys keys,
      Owner owner,
      Executor executor,
      Consumer<String> changed) {
    this.store = store;
    this.keys = keys;
    this.owner = owner;
    this.executor = executor;
    this.changed = changed;
  }

  @Override
  public void requireName(String segment) {
    var _ = MetadataKeys.requireName(segment);
  }

  /** While the service is away, its last known address is used. */
  @Override
  public HostPort rpcAddress(String segment, Duration timeout) {
    String name = MetadataKeys.requireName(segment);
    try {
      return rpcMeta(name, timeout);
    } catch (TransferException e) {
      HostPort last = addresses.get(name);
      if (last == null || e.code() != ErrorCode.METADATA_UNAVAILABLE) {
        throw e;
      }
      return last;
    }
  }

  private HostPort rpcMeta(String name, Duration timeout) {
    String key = keys.rpcMeta(name);
    HostPort address =
        decode(name, key, read(name, key, timeout), json -> Optional.of(decodeRpcMeta(json)));
    if (addresses.size() >= ADDRESSES_LIMIT) {
      addresses.remove(addresses.keySet().iterator().next());
    }
    addresses.put(name, address);
    return address;
  }

  private static HostPort decodeRpcMeta(byte[] json) {
    RpcMetaRecord record = MetadataCodec.decodeRpcMeta(json);
    return new HostPort(record.host(), record.port());
  }

  @Override
  public Found find(String segment, Duration timeout) {
    String name = MetadataKeys.requireName(segment);
    long endNanos = System.nanoTime() + timeout.toNanos();
    String key = keys.segment(name);
    MetadataStore.Reading reading = read(name, key, timeout);
    SegmentDescriptor descriptor = decode(name, key, reading, MetadataCodec::decodeSegment);
    ForeignProtocols.requireShared(name, key, descriptor);
    Duration left = Duration.ofNanos(endNanos - System.nanoTime());
    HostPort rpc = rpcMeta(MetadataKeys.requireName(descriptor.name()), left);
    watch(segment, key, reading.revision());
    return new Found(descriptor.withDataPort(rpc.port()), rpc.host(), Optional.empty());
  }

  /**
   * An engine writes its record a moment after its memory has changed, and not at all while the
   * service is away. It is asked itself, if it is one that says who it is.
   */
  @Override
  public Found findNewer(String segment, SegmentDescriptor old, Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    Found known;
    try {
      known = find(segment, timeout);
    } catch (TransferException e) {
      HostPort last = addresses.get(MetadataKeys.requireName(old.name()));
      if (last == null || e.code() != ErrorCode.METADATA_UNAVAILABLE) {
        throw e;
      }
      known = new Found(old, last.host(), Optional.empty());
      endNanos += OWNER_TIMEOUT.toNanos(); // The service may have used it up.
    }
    SegmentDescriptor stored = known.descriptor();
    HostPort rpc = addresses.get(MetadataKeys.requireName(stored.name()));
    if (rpc == null || stored.incarnation().isEmpty()) {
      return known;
    }
    Duration left = Duration.ofNanos(endNanos - System.nanoTime());
    try {
      SegmentDescriptor said =
          owner.describe(rpc, left.compareTo(OWNER_TIMEOUT) < 0 ? left : OWNER_TIMEOUT);
      if (said.incarnation().equals(stored.incarnation()) && said.name().equals(stored.name())) {
        SegmentDescriptor newer =
            said.withDataPort(rpc.port()).toBuilder()
                .metadataVersion(stored.metadataVersion())
                .build();
        return new Found(newer, known.host(), known.misnamed());
      }
    } catch (TransferException e) {
      log.debug("{} could not be asked itself", segment, e);
    }
    return known;
  }

  private MetadataStore.Reading read(String name, String key, Duration timeout) {
    return ask(name, timeout, () -> store.read(key, timeout))
        .orElseThrow(
            () ->
                TransferException.withPeer(
                    name,
                    ErrorCode.METADATA,
                    "there is no record "
                        + key
                        + " in the metadata service ("
                        + store.description()
                        + ")",
                    "Is the peer running, and is this exactly its name?",
                    null));
  }

  private static <T> T decode(
      String name,
      String key,
      MetadataStore.Reading reading,
      Function<byte[], Optional<T>> decoder) {
    try {
      return decoder
          .apply(reading.value())
          .orElseThrow(() -> new TransferException(ErrorCode.METADATA, "it is null", ""));
    } catch (TransferException e) {
      throw TransferException.withPeer(
          name,
          e.code(),
          "the record " + key + " cannot be used: " + e.getMessage(),
          e.remedy().isEmpty() ? "Restart its owner, or delete it from the service" : "",
          e);
    }
  }

  /**
   * Asks the service on another thread and waits until the time is over or the engine is closed.
   */
  private <T> T ask(String name, Duration timeout, Supplier<T> question) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    Runnable end = () -> answer.completeExceptionally(engineClosed(name));
    underWay.add(end);
    try {
      if (closed) {
        throw engineClosed(name);
      }
      executor.execute(
          () -> {
            try {
              answer.complete(question.get());
            } catch (Throwable t) {
              answer.completeExceptionally(t);
            }
          });
      return answer.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (ExecutionException e) {
      throw TransferErrors.of(name, e);
    } catch (TimeoutException e) {
      throw MetadataStore.unavailable(store.description(), "no answer in time about " + name, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw TransferException.withPeer(
          name, ErrorCode.CANCELED, "the thread was interrupted while it was looked up", "", e);
    } finally {
      underWay.remove(end);
    }
  }

  private static TransferException engineClosed(String name) {
    return TransferException.withPeer(
        name, ErrorCode.CLOSED, "the engine was closed while it was looked up", "", null);
  }

  /** Watches from this reading on, and ends the watch of an earlier one. */
  private void watch(String segment, String key, long revision) {
    if (closed || (watches.size() >= WATCHED_LIMIT && !watches.containsKey(segment))) {
      return;
    }
    Watching begun = new Watching(segment);
    // Listed before it begins: it may report at once.
    Watching before = watches.put(segment, begun);
    if (before != null) {
      before.end();
    }
    begun.begin(key, revision);
    if (closed) {
      begun.end();
    }
  }

  @Override
  public void close() {
    closed = true;
    for (Runnable end : underWay) {
      Anyway.run(log, "Ending a question to the metadata service", end);
    }
    for (Watching watching : watches.values()) {
      try {
        watching.end();
      } catch (Throwable t) {
        Anyway.failed(log, "Ending a watch", t);
      }
    }
    watches.clear();
  }
}
