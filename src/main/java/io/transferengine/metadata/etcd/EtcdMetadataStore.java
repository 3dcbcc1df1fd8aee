// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.etcd;

import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import io.etcd.jetcd.KeyValue;
import io.etcd.jetcd.kv.GetResponse;
import io.etcd.jetcd.kv.TxnResponse;
import io.etcd.jetcd.lease.LeaseGrantResponse;
import io.etcd.jetcd.lease.LeaseKeepAliveResponse;
import io.etcd.jetcd.op.Cmp;
import io.etcd.jetcd.op.CmpTarget;
import io.etcd.jetcd.op.Op;
import io.etcd.jetcd.options.DeleteOption;
import io.etcd.jetcd.options.GetOption;
import io.etcd.jetcd.options.PutOption;
import io.transferengine.logging.Printable;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.TransferException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Records in etcd. Our records have one lease. {@link #keep} renews it with a call each time,
 * because jetcd's own renewal sometimes ends silently (jetcd issue 965). After a lease has expired,
 * the next write gets a new one. A change that depends on the present value is a transaction, on
 * the condition that the revision is still the one that was read.
 */
final class EtcdMetadataStore implements MetadataStore {
  private static final Logger log = LoggerFactory.getLogger(EtcdMetadataStore.class);

  /** For giving a lease back. This need not succeed: the lease ends by itself. */
  private static final Duration REVOKE_TIMEOUT = Duration.ofMillis(500);

  private static final GetOption KEYS_ONLY = GetOption.builder().withKeysOnly(true).build();

  /** The id by which etcd means no lease. */
  private static final long NO_LEASE = 0;

  private final EtcdClients clients;
  private final EtcdCalls calls;
  private final EtcdWatches watches = new EtcdWatches();
  private final int ttlSeconds;

  /** The revision at which each of our records was written last. */
  private final Map<String, Long> revisions = new ConcurrentHashMap<>();

  /** Guarded by this, as is the next field. */
  private long lease = NO_LEASE;

  private @Nullable Client lastServed;

  EtcdMetadataStore(EtcdClients clients, int ttlSeconds) {
    this.clients = clients;
    this.ttlSeconds = ttlSeconds;
    calls = new EtcdCalls(clients, watches::served);
  }

  @Override
  public String description() {
    return calls.description();
  }

  @Override
  public void prepare(Duration timeout) {
    clients.prepare(description(), timeout);
  }

  @Override
  public boolean endsWithNewline() {
    return true;
  }

  @Override
  public Optional<byte[]> get(String key, Duration timeout) {
    return find(key, GetOption.DEFAULT, timeout).map(kv -> kv.getValue().getBytes());
  }

  @Override
  public Optional<Reading> read(String key, Duration timeout) {
    GetResponse response = ask(key, GetOption.DEFAULT, timeout);
    long revision = response.getHeader().getRevision();
    return response.getKvs().stream()
        .findFirst()
        .map(kv -> new Reading(kv.getValue().getBytes(), revision));
  }

  private Optional<KeyValue> find(String key, GetOption option, Duration timeout) {
    return ask(key, option, timeout).getKvs().stream().findFirst();
  }

  private GetResponse ask(String key, GetOption option, Duration timeout) {
    boolean[] first = new boolean[1];
    GetResponse response =
        calls.call(
            "GET of " + Printable.of(key, 200),
            timeout,
            client -> {
              first[0] = isFirst(client);
              return client.getKVClient().get(bytes(key), option);
            });
    watches.answered(response.getHeader().getRevision(), first[0]);
    return response;
  }

  /**
   * Whether this is the first call of a client. Only then can etcd have lost its data in between.
   */
  @SuppressWarnings("ReferenceEquality") // this very client
  private synchronized boolean isFirst(Client client) {
    boolean first = lastServed != client;
    lastServed = client;
    return first;
  }

  @Override
  public boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    Optional<KeyValue> present = find(key, GetOption.DEFAULT, timeout);
    if (!same(present, expected)) {
      return false;
    }
    long revision = present.map(KeyValue::getModRevision).orElse(0L);
    try {
      return write(key, revision, value, left(endNanos));
    } catch (TransferException e) {
      if (!EtcdCalls.isNotFound(e)) {
        throw e;
      }
      forgetLease();
      return write(key, revision, value, left(endNanos));
    }
  }

  private boolean write(String key, long atRevision, byte[] value, Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    long held = lease(timeout);
    ByteSequence name = bytes(key);
    Op put = Op.put(name, ByteSequence.from(value), PutOption.builder().withLeaseId(held).build());
    TxnResponse response =
        calls.call(
            "PUT of " + Printable.of(key, 200),
            left(endNanos),
            client -> client.getKVClient().txn().If(at(name, atRevision)).Then(put).commit());
    if (response.isSucceeded()) {
      revisions.put(key, response.getHeader().getRevision());
    }
    return response.isSucceeded();
  }

  private static Cmp at(ByteSequence key, long revision) {
    return new Cmp(key, Cmp.Op.EQUAL, CmpTarget.modRevision(revision));
  }

  private long lease(Duration timeout) {
    synchronized (this) {
      if (lease != NO_LEASE) {
        return lease;
      }
    }
    LeaseGrantResponse granted =
        calls.call(
            "the grant of a lease", timeout, client -> client.getLeaseClient().grant(ttlSeconds));
    synchronized (this) {
      if (lease == NO_LEASE) {
        lease = granted.getID();
      }
      return lease;
    }
  }

  private synchronized void forgetLease() {
    lease = NO_LEASE;
  }

  @Override
  public boolean keep(String key, byte[] value, Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    if (!renewLease(timeout)) {
      return false;
    }
    Long written = revisions.get(key);
    Optional<KeyValue> present = find(key, KEYS_ONLY, left(endNanos));
    if (written != null && present.isPresent() && present.get().getModRevision() == written) {
      return true;
    }
    return present.isPresent()
        && present.get().getLease() == lease(left(endNanos))
        && same(find(key, GetOption.DEFAULT, left(endNanos)), Optional.of(value));
  }

  private boolean renewLease(Duration timeout) {
    long held;
    synchronized (this) {
      held = lease;
    }
    if (held == NO_LEASE) {
      return false;
    }
    try {
      LeaseKeepAliveResponse renewed =
          calls.call(
              "the renewal of a lease",
              timeout,
              client -> client.getLeaseClient().keepAliveOnce(held));
      if (renewed.getTTL() > 0) {
        return true;
      }
    } catch (TransferException e) {
      if (!EtcdCalls.isNotFound(e)) {
        throw e;
      }
    }
    forgetLease();
    return false;
  }

  @Override
  public boolean remove(String key, byte[] expected, Duration timeout) {
    long endNanos = System.nanoTime() + timeout.toNanos();
    Optional<KeyValue> present = find(key, GetOption.DEFAULT, timeout);
    if (!same(present, Optional.of(expected))) {
      return false;
    }
    ByteSequence name = bytes(key);
    long revision = present.map(KeyValue::getModRevision).orElse(0L);
    TxnResponse response =
        calls.call(
            "DELETE of " + Printable.of(key, 200),
            left(endNanos),
            client ->
                client
                    .getKVClient()
                    .txn()
                    .If(at(name, revision))
                    .Then(Op.delete(name, DeleteOption.DEFAULT))
                    .commit());
    return response.isSucceeded();
  }

  @Override
  public List<String> keys(String prefix, int limit, Duration timeout) {
    GetOption option =
        GetOption.builder().isPrefix(true).withKeysOnly(true).withLimit(limit).build();
    return calls
        .call(
            "the list of " + Printable.of(prefix, 200),
            timeout,
            client -> client.getKVClient().get(bytes(prefix), option))
        .getKvs()
        .stream()
        .map(kv -> kv.getKey().toString(StandardCharsets.UTF_8))
        .toList();
  }

  @Override
  public Optional<Watch> watch(String key, long revision, Runnable changed) {
    return Optional.of(watches.begin(bytes(key), revision, changed));
  }

  @Override
  public void close() {
    watches.close();
    long held;
    synchronized (this) {
      held = lease;
      lease = NO_LEASE;
    }
    if (held != NO_LEASE) {
      try {
        var _ =
            calls.call(
                "the end of a lease",
                REVOKE_TIMEOUT,
                client -> client.getLeaseClient().revoke(held));
      } catch (TransferException e) {
        log.debug("The lease ends by itself", e);
      }
    }
    clients.close();
  }

  private static boolean same(Optional<KeyValue> present, Optional<byte[]> expected) {
    return present.isPresent() == expected.isPresent()
        && (present.isEmpty()
            || Arrays.equals(present.get().getValue().getBytes(), expected.get()));
  }

  private static Duration left(long endNanos) {
    return Duration.ofNanos(Math.max(1, endNanos - System.nanoTime()));
  }

  private static ByteSequence bytes(String text) {
    return ByteSequence.from(text, StandardCharsets.UTF_8);
  }
}
