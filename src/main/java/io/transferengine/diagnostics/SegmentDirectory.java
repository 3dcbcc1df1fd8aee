// SPDX-License-Identifier: Apache-2.0
package io.transferengine.diagnostics;

import io.transferengine.engine.MetadataStores;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.net.WaitingThreads;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.JsonLimits;
import io.transferengine.wire.MetadataCodec;
import io.transferengine.wire.MetadataKeys;
import io.transferengine.wire.RpcMetaRecord;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.format.DateTimeParseException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Reads who is registered in a metadata service. It writes nothing, and touches nobody's memory.
 * Thread-safe.
 */
public final class SegmentDirectory implements AutoCloseable {
  /** How long the service may take to answer: as long as opening an engine may take. */
  private static final Duration SERVICE_TIMEOUT = Duration.ofSeconds(5);

  /** How long one engine may take to connect or to answer. */
  private static final Duration LOOK_TIMEOUT = Duration.ofMillis(1500);

  /** A service may hold anything; a longer list is of no use. */
  private static final int SEGMENTS_MAX = 10_000;

  /** How many segments are checked at once. */
  private static final int AT_ONCE = 64;

  /** Nobody has this name. */
  private static final String NOBODYS_NAME = "te-doctor";

  /** Sent with the request for a descriptor; peers ignore it. */
  private static final SegmentDescriptor NOBODY =
      SegmentDescriptor.builder("te-segments", SegmentDescriptor.TCP).build();

  private final MetadataStore store;
  private final MetadataKeys keys;

  private SegmentDirectory(MetadataStore store, MetadataKeys keys) {
    this.store = store;
    this.keys = keys;
  }

  /**
   * {@return the directory, which the caller closes; empty for {@code P2PHANDSHAKE}, where no
   * service knows all peers}
   *
   * @param server the address of the service, such as {@code etcd://host:2379}
   * @param environment the cluster, user, password and TLS
   * @throws TransferException {@code INVALID_ARGUMENT} if the address cannot be parsed; {@code
   *     NOT_IMPLEMENTED} if the client's library is not on the class path
   */
  public static Optional<SegmentDirectory> open(String server, EngineEnvironment environment) {
    Objects.requireNonNull(server, "server must not be null");
    Objects.requireNonNull(environment, "environment must not be null");
    MetadataKeys keys = MetadataKeys.ofCluster(environment.clusterId());
    return MetadataStores.open(server, environment.settings())
        .map(store -> new SegmentDirectory(store, keys));
  }

  /** {@return the service in words, such as {@code etcd at host:2379}} */
  public String description() {
    return store.description();
  }

  /**
   * Asks the service for a record that nobody has.
   *
   * @throws TransferException if it does not answer within 5 s
   */
  public void check() {
    store.prepare(SERVICE_TIMEOUT);
    var _ = store.get(keys.rpcMeta(NOBODYS_NAME), SERVICE_TIMEOUT);
  }

  /**
   * Lists the engines and checks whether each answers, which takes up to some seconds.
   *
   * @return up to 10,000 of them, in the order of their names
   * @throws TransferException if the service does not answer; {@code NOT_IMPLEMENTED} if it cannot
   *     list
   */
  public List<RegisteredSegment> list() {
    List<String> names =
        store.keys(keys.rpcMetaPrefix(), SEGMENTS_MAX, SERVICE_TIMEOUT).stream()
            .flatMap(key -> keys.nameOfRpcMeta(key).stream())
            .sorted()
            .toList();
    try (HandshakeClient client =
            new HandshakeClient(LOOK_TIMEOUT, JsonLimits.DOCUMENT_LENGTH_MAX_BYTES);
        ExecutorService threads =
            Executors.newFixedThreadPool(AT_ONCE, WaitingThreads.factory("te-look"))) {
      List<Future<RegisteredSegment>> looks = new ArrayList<>();
      for (String name : names) {
        looks.add(threads.submit(() -> look(name, client)));
      }
      return looks.stream().map(SegmentDirectory::result).toList();
    }
  }

  private static RegisteredSegment result(Future<RegisteredSegment> look) {
    try {
      return look.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof TransferException known ? known : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private RegisteredSegment look(String name, HandshakeClient client) {
    Optional<HostPort> address =
        store.get(keys.rpcMeta(name), SERVICE_TIMEOUT).flatMap(SegmentDirectory::address);
    Optional<RegisteredSegment.Offer> offer =
        store
            .get(keys.segment(name), SERVICE_TIMEOUT)
            .flatMap(SegmentDirectory::descriptor)
            .map(SegmentDirectory::offer);
    RegisteredSegment.Presence presence =
        address
            .map(peer -> presence(name, peer, client))
            .orElse(RegisteredSegment.Presence.UNREACHABLE);
    return new RegisteredSegment(name, address, presence, offer);
  }

  private static Optional<HostPort> address(byte[] json) {
    try {
      RpcMetaRecord record = MetadataCodec.decodeRpcMeta(json);
      return Optional.of(new HostPort(record.host(), record.port()));
    } catch (TransferException e) {
      return Optional.empty();
    }
  }

  private static Optional<SegmentDescriptor> descriptor(byte[] json) {
    try {
      return MetadataCodec.decodeSegment(json);
    } catch (TransferException e) {
      return Optional.empty();
    }
  }

  private static RegisteredSegment.Offer offer(SegmentDescriptor descriptor) {
    return new RegisteredSegment.Offer(
        descriptor.protocol(),
        descriptor.buffers().size(),
        descriptor.buffers().stream().mapToLong(BufferDescriptor::lengthBytes).sum(),
        time(descriptor.timestamp()));
  }

  private static Optional<LocalDateTime> time(String timestamp) {
    try {
      return Optional.of(LocalDateTime.parse(timestamp.replace(' ', 'T')));
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private static RegisteredSegment.Presence presence(
      String name, HostPort peer, HandshakeClient client) {
    HandshakeClient.Presence there;
    try {
      there = client.look(peer, NOBODY, LOOK_TIMEOUT);
    } catch (TransferException e) {
      return RegisteredSegment.Presence.UNREACHABLE;
    }
    if (!there.listens()) {
      return RegisteredSegment.Presence.UNREACHABLE;
    }
    return there.descriptor().filter(said -> !said.name().equals(name)).isPresent()
        ? RegisteredSegment.Presence.REPLACED
        : RegisteredSegment.Presence.REACHABLE;
  }

  @Override
  public void close() {
    store.close();
  }
}
