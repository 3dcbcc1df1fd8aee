// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.function.LongSupplier;

/**
 * The records of a server, by decoded key. A record is gone when its time to live is over, even if
 * its memory is not freed yet. Thread-safe.
 */
final class RecordTable {
  private final int recordsLimit;
  private final long bytesLimit;
  private final LongSupplier clockNanos;
  private final Map<String, Entry> entries = new TreeMap<>();
  private long bytes;

  /** The outcome of a request to change a record. */
  enum Outcome {
    /** The change was made. */
    DONE,
    /** There is no such record. */
    MISSING,
    /** The record is not the one in the condition. */
    CHANGED,
    /** There is no room. */
    FULL
  }

  /** A value, and the times when it was written and ends. */
  static final class Entry {
    final byte[] value;
    final String entityTag;
    final long writtenNanos;
    private final long endNanos;
    private final boolean ends;

    private Entry(byte[] value, String entityTag, long writtenNanos, int ttlSeconds, long now) {
      this.value = value;
      this.entityTag = entityTag;
      this.writtenNanos = writtenNanos;
      ends = ttlSeconds > 0;
      endNanos = now + TimeUnit.SECONDS.toNanos(ttlSeconds);
    }

    private boolean isOver(long now) {
      return ends && now - endNanos >= 0;
    }
  }

  /**
   * The condition of a change (RFC 9110 sections 13.1.1 and 13.1.2).
   *
   * @param match the entity tag that the record must have; empty if any record, or none, will do
   * @param noneMatch whether there must be no record
   */
  record Condition(Optional<String> match, boolean noneMatch) {
    /** Always holds. */
    static final Condition NONE = new Condition(Optional.empty(), false);

    private boolean holds(Optional<Entry> entry) {
      if (noneMatch && entry.isPresent()) {
        return false;
      }
      return match.isEmpty() || entry.filter(e -> e.entityTag.equals(match.get())).isPresent();
    }
  }

  RecordTable(int recordsLimit, long bytesLimit, LongSupplier clockNanos) {
    this.recordsLimit = recordsLimit;
    this.bytesLimit = bytesLimit;
    this.clockNanos = clockNanos;
  }

  synchronized Optional<Entry> get(String key) {
    Entry entry = entries.get(key);
    if (entry != null && entry.isOver(clockNanos.getAsLong())) {
      drop(key);
      return Optional.empty();
    }
    return Optional.ofNullable(entry);
  }

  /**
   * Writes a record.
   *
   * @param ttlSeconds how long it lives; 0 if it lives until it is removed
   */
  synchronized Outcome put(String key, byte[] value, int ttlSeconds, Condition condition) {
    Optional<Entry> present = get(key);
    if (!condition.holds(present)) {
      return Outcome.CHANGED;
    }
    long before = present.map(entry -> size(key, entry)).orElse(0L);
    long now = clockNanos.getAsLong();
    Entry made = new Entry(value, HttpMetadataProtocol.entityTag(value), now, ttlSeconds, now);
    if (!hasRoom(present.isEmpty(), size(key, made) - before)) {
      sweep();
      if (!hasRoom(present.isEmpty(), size(key, made) - before)) {
        return Outcome.FULL;
      }
    }
    bytes += size(key, made) - before;
    entries.put(key, made);
    return Outcome.DONE;
  }

  private boolean hasRoom(boolean isNew, long moreBytes) {
    return (!isNew || entries.size() < recordsLimit) && bytes + moreBytes <= bytesLimit;
  }

  /** Sets the time to live of a record, from now on; 0 if it lives until it is removed. */
  synchronized Outcome touch(String key, int ttlSeconds, Condition condition) {
    Optional<Entry> present = get(key);
    if (present.isEmpty()) {
      return Outcome.MISSING;
    }
    if (!condition.holds(present)) {
      return Outcome.CHANGED;
    }
    Entry entry = present.get();
    entries.put(
        key,
        new Entry(
            entry.value, entry.entityTag, entry.writtenNanos, ttlSeconds, clockNanos.getAsLong()));
    return Outcome.DONE;
  }

  synchronized Outcome remove(String key, Condition condition) {
    if (!condition.holds(get(key))) {
      return Outcome.CHANGED;
    }
    return drop(key) ? Outcome.DONE : Outcome.MISSING;
  }

  private boolean drop(String key) {
    Entry entry = entries.remove(key);
    if (entry != null) {
      bytes -= size(key, entry);
    }
    return entry != null;
  }

  private static long size(String key, Entry entry) {
    return entry.value.length + 2L * key.length();
  }

  /** Removes the records whose time to live is over. */
  synchronized void sweep() {
    long now = clockNanos.getAsLong();
    Iterator<Map.Entry<String, Entry>> all = entries.entrySet().iterator();
    while (all.hasNext()) {
      Map.Entry<String, Entry> next = all.next();
      if (next.getValue().isOver(now)) {
        bytes -= size(next.getKey(), next.getValue());
        all.remove();
      }
    }
  }

  /** {@return the keys, sorted} */
  synchronized List<String> keys() {
    sweep();
    return List.copyOf(entries.keySet());
  }

  synchronized int count() {
    return entries.size();
  }

  synchronized long bytes() {
    return bytes;
  }

  /** {@return how many seconds ago the record's value was written} */
  long ageSeconds(Entry entry) {
    return TimeUnit.NANOSECONDS.toSeconds(clockNanos.getAsLong() - entry.writtenNanos);
  }
}
