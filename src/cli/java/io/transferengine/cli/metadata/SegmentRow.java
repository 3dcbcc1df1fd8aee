// SPDX-License-Identifier: Apache-2.0
package io.transferengine.cli.metadata;

import io.transferengine.cli.console.Units;
import io.transferengine.handshake.HandshakeClient;
import io.transferengine.logging.Printable;
import io.transferengine.metadata.BufferDescriptor;
import io.transferengine.metadata.JsonLimits;
import io.transferengine.metadata.MetadataCodec;
import io.transferengine.metadata.MetadataKeys;
import io.transferengine.metadata.MetadataStore;
import io.transferengine.metadata.RpcMetaRecord;
import io.transferengine.metadata.SegmentDescriptor;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeParseException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;

/**
 * A line of {@code ./te segments}.
 *
 * @param cells what is shown, in the order of the columns
 */
record SegmentRow(List<String> cells) {
  private static final Duration LOOK_TIMEOUT = Duration.ofMillis(1500);
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(5);

  /** Segments that are looked at together. */
  private static final int AT_ONCE = 64;

  private static final int SHOWN_LENGTH_MAX = 60;
  private static final String UNKNOWN = "?";

  /** Goes out with the question for a descriptor; nobody reads it. */
  private static final SegmentDescriptor NOBODY =
      SegmentDescriptor.builder("te-segments", SegmentDescriptor.TCP).build();

  /** {@return the lines of all segments, in the order of their names} */
  static List<SegmentRow> of(List<String> names, MetadataKeys keys, MetadataStore store) {
    Semaphore places = new Semaphore(AT_ONCE);
    try (HandshakeClient client =
            new HandshakeClient(LOOK_TIMEOUT, JsonLimits.DOCUMENT_LENGTH_MAX_BYTES);
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<SegmentRow>> rows =
          names.stream()
              .map(
                  name ->
                      threads.submit(
                          () -> {
                            places.acquire();
                            try {
                              return row(name, keys, store, client);
                            } finally {
                              places.release();
                            }
                          }))
              .toList();
      return rows.stream().map(SegmentRow::result).toList();
    }
  }

  private static SegmentRow result(Future<SegmentRow> row) {
    try {
      return row.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof TransferException known ? known : new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private static SegmentRow row(
      String name, MetadataKeys keys, MetadataStore store, HandshakeClient client) {
    Optional<RpcMetaRecord> rpcMeta =
        store.get(keys.rpcMeta(name), READ_TIMEOUT).flatMap(SegmentRow::rpcMeta);
    Optional<SegmentDescriptor> descriptor =
        store.get(keys.segment(name), READ_TIMEOUT).flatMap(SegmentRow::descriptor);
    return new SegmentRow(
        List.of(
            Printable.of(name, SHOWN_LENGTH_MAX),
            rpcMeta
                .map(record -> Printable.of(record.host(), SHOWN_LENGTH_MAX) + ":" + record.port())
                .orElse("unreadable"),
            descriptor.map(SegmentDescriptor::protocol).orElse(UNKNOWN),
            descriptor.map(found -> Integer.toString(found.buffers().size())).orElse(UNKNOWN),
            descriptor.map(found -> Units.size(bytes(found))).orElse(UNKNOWN),
            descriptor.flatMap(found -> age(found.timestamp())).orElse(UNKNOWN),
            rpcMeta.map(record -> reachable(name, record, client)).orElse("no")));
  }

  private static Optional<RpcMetaRecord> rpcMeta(byte[] json) {
    try {
      return Optional.of(MetadataCodec.decodeRpcMeta(json));
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

  private static long bytes(SegmentDescriptor descriptor) {
    return descriptor.buffers().stream().mapToLong(BufferDescriptor::lengthBytes).sum();
  }

  private static Optional<String> age(String timestamp) {
    try {
      LocalDateTime then = LocalDateTime.parse(timestamp.replace(' ', 'T'));
      long seconds = Duration.between(then, LocalDateTime.now(ZoneId.systemDefault())).toSeconds();
      return seconds < 0 ? Optional.empty() : Optional.of(Units.age(seconds));
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private static String reachable(String name, RpcMetaRecord record, HandshakeClient client) {
    HandshakeClient.Presence there;
    try {
      there = client.look(new HostPort(record.host(), record.port()), NOBODY, LOOK_TIMEOUT);
    } catch (TransferException e) {
      return "no";
    }
    if (!there.listens()) {
      return "no";
    }
    return there.descriptor().filter(said -> !said.name().equals(name)).isPresent()
        ? "no: another engine has its port"
        : "yes";
  }
}
