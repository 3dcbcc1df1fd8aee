// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.memory;

import io.transferengine.metadata.spi.MetadataStore;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Records in this JVM. No call waits, so time-outs are ignored. */
final class InMemoryMetadataStore implements MetadataStore {
  /** As in our HTTP server. */
  private static final int RECORDS_LIMIT = 100_000;

  private final String description;
  private final Records records;
  private final Duration timeToLive;
  private volatile boolean closed;

  private record Timed(Value value, long endNanos) {}

  /** The bytes of a value, wrapped so that a Java record may hold them. */
  private static final class Value {
    final byte[] bytes;

    Value(byte[] bytes) {
      this.bytes = bytes.clone();
    }
  }

  /** The records that the clients of one name share. The clients synchronize on it. */
  static final class Records {
    private final Map<String, Timed> entries = new HashMap<>();
    private final Map<String, List<Runnable>> watches = new HashMap<>();

    /** The revision at which each key was changed last. */
    private final Map<String, Long> revisions = new HashMap<>();

    private long revision;

    private Optional<byte[]> get(String key) {
      Timed found = entries.get(key);
      if (found == null || System.nanoTime() - found.endNanos >= 0) {
        entries.remove(key);
        return Optional.empty();
      }
      return Optional.of(found.value.bytes.clone());
    }

    private boolean is(String key, Optional<byte[]> expected) {
      Optional<byte[]> present = get(key);
      return present.isPresent() == expected.isPresent()
          && (present.isEmpty() || Arrays.equals(present.get(), expected.get()));
    }

    private List<Runnable> changed(String key) {
      revisions.put(key, ++revision);
      List<Runnable> told = watches.remove(key);
      return told == null ? List.of() : told;
    }
  }

  InMemoryMetadataStore(String description, Records records, Duration timeToLive) {
    this.description = description;
    this.records = records;
    this.timeToLive = timeToLive;
  }

  @Override
  public String description() {
    return description;
  }

  @Override
  public boolean endsWithNewline() {
    return true;
  }

  private void requireOpen() {
    if (closed) {
      throw new TransferException(
          ErrorCode.METADATA, "The client of " + description + " was closed", "");
    }
  }

  @Override
  public Optional<byte[]> get(String key, Duration timeout) {
    requireOpen();
    synchronized (records) {
      return records.get(key);
    }
  }

  @Override
  public boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout) {
    requireOpen();
    List<Runnable> told;
    synchronized (records) {
      if (!records.is(key, expected)) {
        return false;
      }
      if (records.entries.size() >= RECORDS_LIMIT && expected.isEmpty()) {
        throw new TransferException(
            ErrorCode.METADATA,
            description + " holds " + RECORDS_LIMIT + " records",
            "Close engines that are not used any more");
      }
      records.entries.put(key, new Timed(new Value(value), endNanos()));
      told = records.changed(key);
    }
    told.forEach(Runnable::run);
    return true;
  }

  private long endNanos() {
    return System.nanoTime() + timeToLive.toNanos();
  }

  @Override
  public boolean keep(String key, byte[] value, Duration timeout) {
    requireOpen();
    synchronized (records) {
      if (!records.is(key, Optional.of(value))) {
        return false;
      }
      records.entries.put(key, new Timed(new Value(value), endNanos()));
      return true;
    }
  }

  @Override
  public boolean remove(String key, byte[] expected, Duration timeout) {
    requireOpen();
    List<Runnable> told;
    synchronized (records) {
      if (!records.is(key, Optional.of(expected))) {
        return false;
      }
      records.entries.remove(key);
      told = records.changed(key);
    }
    told.forEach(Runnable::run);
    return true;
  }

  @Override
  public List<String> keys(String prefix, int limit, Duration timeout) {
    requireOpen();
    synchronized (records) {
      return List.copyOf(records.entries.keySet()).stream()
          .filter(key -> key.startsWith(prefix) && records.get(key).isPresent())
          .limit(limit)
          .toList();
    }
  }

  @Override
  public Optional<Reading> read(String key, Duration timeout) {
    synchronized (records) {
      long now = records.revision;
      return get(key, timeout).map(value -> new Reading(value, now));
    }
  }

  @Override
  public Optional<Watch> watch(String key, long revision, Runnable changed) {
    synchronized (records) {
      if (records.revisions.getOrDefault(key, 0L) <= revision) {
        records.watches.computeIfAbsent(key, ignored -> new ArrayList<>()).add(changed);
        return Optional.of(() -> unwatch(key, changed));
      }
    }
    changed.run();
    return Optional.of(() -> {});
  }

  private void unwatch(String key, Runnable changed) {
    synchronized (records) {
      List<Runnable> waiting = records.watches.get(key);
      if (waiting != null) {
        waiting.remove(changed);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
  }
}
