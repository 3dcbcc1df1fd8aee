// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.LongFunction;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Our two records in the metadata service: where our handshake daemon is ({@code rpc_meta}), and
 * our segment's descriptor.
 *
 * <p><b>Claiming.</b> {@code rpc_meta} decides who owns a name. An existing record is replaced only
 * if {@link NameOwner} finds its engine dead, and only if the record has not changed since ({@link
 * MetadataStore#replace}). The owner of {@code rpc_meta} may replace the descriptor, which a dead
 * engine may have left with buffers that no longer exist.
 *
 * <p><b>Keeping.</b> A record that vanished is written again. So is one that a C++ engine wrote
 * over: such engines neither ask before they write nor check afterwards. A record of another Java
 * engine is left alone, since that engine found us dead.
 *
 * <p>Used by one thread at a time.
 */
final class OwnRecords {
  private static final Logger log = LoggerFactory.getLogger(OwnRecords.class);

  /** The time for one question to the service: as much as the C++ engine gives etcd. */
  static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

  /**
   * Attempts while others are faster. Two engines may race for a name; more are a misconfiguration.
   */
  private static final int CLAIM_ATTEMPTS = 5;

  private final MetadataStore store;
  private final NameOwner owner;
  private final Supplier<Optional<SegmentDescriptor>> own;
  private final RpcMetaRecord address;
  private final PublicationVersion versions;
  private final OwnRecord rpcMeta;
  private final OwnRecord descriptor;

  /** The registrations of the descriptor that is in the service. */
  private @Nullable SegmentDescriptor published;

  /** The last engine that a warning named for writing over our record; each is named once. */
  private String warnedOf = "";

  /** An engine that writes over one of our records writes over the other as well. */
  private boolean warnedNow;

  /** One of our records. */
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
   * Nothing written yet.
   *
   * @param address where our handshake daemon is, as peers reach it
   * @param own our descriptor
   * @param clockMicros the time since 1970
   */
  OwnRecords(
      MetadataStore store,
      MetadataKeys keys,
      String name,
      RpcMetaRecord address,
      NameOwner owner,
      Supplier<Optional<SegmentDescriptor>> own,
      LongSupplier clockMicros) {
    this.store = store;
    this.owner = owner;
    this.own = own;
    this.address = address;
    versions = new PublicationVersion(clockMicros);
    rpcMeta = new OwnRecord(keys.rpcMeta(name));
    descriptor = new OwnRecord(keys.segment(name));
  }

  /** {@return the key of the record that decides who owns our name} */
  String key() {
    return rpcMeta.key;
  }

  /** Gets ready for the first question; see {@link MetadataStore#prepare}. */
  void prepare(Duration timeout) {
    store.prepare(timeout);
  }

  /**
   * Makes sure that the service holds both records correctly.
   *
   * @throws TransferException if it cannot be asked, or another live engine owns the name
   */
  void settle(long endNanos) {
    warnedNow = false;
    byte[] present = rpcMeta.written;
    if (present == null || !store.keep(rpcMeta.key, present, left(endNanos))) {
      claim(rpcMeta, this::rpcMeta, endNanos);
    }
    SegmentDescriptor now = own.get().orElseThrow();
    if (!isSettled(now, endNanos)) {
      claim(descriptor, version -> descriptor(now, version), endNanos);
    }
    published = now;
  }

  private boolean isSettled(SegmentDescriptor now, long endNanos) {
    byte[] present = descriptor.written;
    if (present == null) {
      return false;
    }
    if (now.equals(published)) {
      return store.keep(descriptor.key, present, left(endNanos));
    }
    byte[] value = descriptor(now, versions.next());
    if (!store.replace(descriptor.key, Optional.of(present), value, left(endNanos))) {
      return false;
    }
    descriptor.written = value;
    return true;
  }

  private byte[] rpcMeta(long version) {
    return stored(MetadataCodec.encode(new RpcMetaRecord(address.host(), address.port(), version)));
  }

  private byte[] descriptor(SegmentDescriptor now, long version) {
    return stored(MetadataCodec.encode(now.toBuilder().metadataVersion(version).build()));
  }

  private byte[] stored(byte[] json) {
    return store.endsWithNewline() ? MetadataCodec.withNewline(json) : json;
  }

  private void claim(OwnRecord record, LongFunction<byte[]> render, long endNanos) {
    Optional<byte[]> before = Optional.empty();
    boolean moved = false;
    for (int attempt = 0; attempt < CLAIM_ATTEMPTS; attempt++) {
      Optional<byte[]> present = store.get(record.key, left(endNanos));
      moved |= attempt > 0 && !same(before, present);
      before = present;
      Optional<byte[]> foreign = present.filter(value -> !record.isWritten(value));
      present.ifPresent(value -> versions.seen(versionIn(record, value)));
      String other = foreign.map(value -> requireOurs(record, value)).orElse("");
      byte[] value = render.apply(versions.next());
      if (store.replace(record.key, present, value, left(endNanos))) {
        if (foreign.isPresent() && record.written != null) {
          overwritten(record, other);
        }
        record.written = value;
        return;
      }
    }
    throw moved
        ? new TransferException(
            ErrorCode.METADATA,
            "The record "
                + record.key
                + " was changed by others at each of our attempts to write it",
            "Give each engine its own name")
        : new TransferException(
            ErrorCode.METADATA,
            "The record %s was written %d times, and %s still gives %s for it"
                .formatted(
                    record.key,
                    CLAIM_ATTEMPTS,
                    store.description(),
                    before.isPresent() ? "what was there before" : "nothing"),
            "That may not be a metadata service, or it loses records: check its address and path,"
                + " and its log");
  }

  private static boolean same(Optional<byte[]> a, Optional<byte[]> b) {
    return a.isPresent() == b.isPresent() && (a.isEmpty() || Arrays.equals(a.get(), b.get()));
  }

  /**
   * {@return the owner of the record found instead of ours, in words}
   *
   * @throws TransferException if the record must stay
   */
  private String requireOurs(OwnRecord record, byte[] value) {
    if (!record.key.equals(rpcMeta.key)) {
      return "another engine";
    }
    Optional<HostPort> where = addressIn(value);
    if (where.isEmpty()) {
      return "an engine whose record cannot be read";
    }
    if (record.written == null) {
      owner.requireGone(record.key, where.get());
    } else {
      owner.requireNoJavaEngine(record.key, where.get());
    }
    return "the engine at " + where.get();
  }

  private void overwritten(OwnRecord record, String other) {
    String who = record.key + " " + other;
    if (who.equals(warnedOf) || warnedNow) {
      return;
    }
    warnedOf = who;
    warnedNow = true;
    log.warn(
        "{} wrote over our record {}; we wrote ours again. Give each engine its own name: its peers"
            + " reach us now.",
        other,
        record.key);
  }

  private long versionIn(OwnRecord record, byte[] value) {
    try {
      return record.key.equals(rpcMeta.key)
          ? MetadataCodec.decodeRpcMeta(value).metadataVersion()
          : MetadataCodec.decodeSegment(value).map(SegmentDescriptor::metadataVersion).orElse(0L);
    } catch (TransferException e) {
      return 0;
    }
  }

  /** The address in an rpc_meta record; empty if it cannot be read. */
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

  /** Removes our records. Does not throw. */
  void remove(long endNanos) {
    for (OwnRecord record : List.of(rpcMeta, descriptor)) {
      byte[] present = record.written;
      if (present == null) {
        continue;
      }
      try {
        boolean _ = store.remove(record.key, present, left(endNanos));
      } catch (RuntimeException e) {
        log.debug("Our record {} could not be removed", record.key, e);
      }
    }
  }
}
