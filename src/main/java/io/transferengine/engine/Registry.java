// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.config.MetadataOptions;
import io.transferengine.config.Settings;
import io.transferengine.events.EngineHealth;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Names in the engine's mode: how peers are found, and how we are found. In peer-to-peer mode
 * nothing needs to be published. Thread-safe.
 */
final class Registry implements AutoCloseable {
  private final Settings settings;
  private final HandshakeClient client;
  private final OwnSegment own;
  private final Optional<MetadataStore> store;
  private final MetadataKeys keys;
  private final SegmentDirectory directory;
  private volatile @Nullable Publication publication;

  /**
   * @param server a connection string of protocol section 1
   * @param client belongs to the engine, which closes it
   * @param executor for calls that wait for the service
   * @param changed called with the name of a segment whose records have changed
   * @throws TransferException for a service without a client here
   */
  Registry(
      String server,
      Settings settings,
      HandshakeClient client,
      OwnSegment own,
      Executor executor,
      Consumer<String> changed) {
    this.settings = settings;
    this.client = client;
    this.own = own;
    keys = MetadataKeys.ofCluster(settings.get(MetadataOptions.CLUSTER_ID));
    store = MetadataStores.open(server, settings);
    directory =
        store.isPresent()
            ? new StoredDirectory(
                store.get(),
                keys,
                (rpc, timeout) ->
                    client.fetchMetadata(rpc, own.descriptorWithoutBuffers(), timeout),
                executor,
                changed)
            : new PeerDirectory(settings, client, own::descriptorWithoutBuffers);
  }

  /** {@return the directory of peers} */
  SegmentDirectory directory() {
    return directory;
  }

  /**
   * Registers us under our name. Our daemon already answers peers.
   *
   * @throws TransferException if that fails
   */
  void register(LocalIdentity identity, int rpcPort) {
    if (store.isEmpty()) {
      return;
    }
    Publication made =
        new Publication(
            new OwnRecords(
                store.get(),
                keys,
                own.name(),
                new RpcMetaRecord(identity.host(), rpcPort),
                new NameOwner(client, own::descriptorWithoutBuffers),
                own::metadata,
                Registry::clockMicros),
            settings.get(MetadataOptions.TTL));
    publication = made;
    made.start(settings.get(MetadataOptions.BACKGROUND_START));
  }

  private static long clockMicros() {
    return ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now());
  }

  /** {@return what is wrong with our records, if anything} */
  Optional<EngineHealth.Problem> problem() {
    Publication known = publication;
    return known == null ? Optional.empty() : known.problem();
  }

  /** Our descriptor has changed. Does not wait. */
  void changed() {
    Publication known = publication;
    if (known != null) {
      known.changed();
    }
  }

  /** Waits, but not long, until peers can learn of the change. */
  void awaitPublished() {
    Publication known = publication;
    if (known != null) {
      known.awaitPublished();
    }
  }

  /** Ends waiting calls to the service, removes our records, and closes its client. Idempotent. */
  @Override
  public void close() {
    directory.close();
    Publication known = publication;
    if (known != null) {
      known.close();
    }
    if (store.isPresent()) {
      store.get().close();
    }
  }
}
