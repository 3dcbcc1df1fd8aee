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
    /** The record belongs to somebody else. */
    FOREIGN,
    /** There is no room. */
    FULL
  }

  /** A value, who wrote it, and the times when it was written and ends. */
  static final class Entry {
    final byte[] value;
    final String entityTag;
    final long writtenNanos;

    /** What its writer had proved; empty if that was nothing. */
    final List<String> owner;

    private final long endNanos;
    private final boolean ends;

    private Entry(
        byte[] value,
        String entityTag,
        List<String> owner,
        long writtenNanos,
        int ttlSeconds,
        long now) {
      this.value = value;
      this.entityTag = entityTag;
      this.owner = owner;
      this.writtenNanos = writtenNanos;
      ends = ttlSeconds > 0;
      endNanos = now + TimeUnit.SECONDS.toNanos(ttlSeconds);
    }

    /** {@return whether it vanishes if nobody prolongs its life} */
    boolean ends() {
      return ends;
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

  /**
   * Who wants to change a record. It belongs to who has proved all the names that its writer had
   * proved.
   *
   * @param names that he has proved
   * @param abandoned a record of somebody else that may be changed all the same, as it was when
   *     that was found out
   */
  record Claim(List<String> names, Optional<Entry> abandoned) {
    /** By somebody who has proved nothing. */
    static final Claim NOBODYS = new Claim(List.of(), Optional.empty());

    private boolean covers(Optional<Entry> entry) {
      return entry.isEmpty()
          || names.containsAll(entry.get().owner)
          || (abandoned.isPresent() && abandoned.get() == entry.get());
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
  synchronized Outcome put(
      String key, byte[] value, int ttlSeconds, Condition condition, Claim claim) {
    Optional<Entry> present = get(key);
    Optional<Outcome> refused = refused(present, condition, claim);
    if (refused.isPresent()) {
      return refused.get();
    }
    long before = present.map(entry -> size(key, entry)).orElse(0L);
    long now = clockNanos.getAsLong();
    Entry made =
        new Entry(value, HttpMetadataProtocol.entityTag(value), claim.names, now, ttlSeconds, now);
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

  private static Optional<Outcome> refused(
      Optional<Entry> present, Condition condition, Claim claim) {
    if (!condition.holds(present)) {
      return Optional.of(Outcome.CHANGED);
    }
    return claim.covers(present) ? Optional.empty() : Optional.of(Outcome.FOREIGN);
  }

  private boolean hasRoom(boolean isNew, long moreBytes) {
    return (!isNew || entries.size() < recordsLimit) && bytes + moreBytes <= bytesLimit;
  }

  /** Sets the time to live of a record, from now on; 0 if it lives until it is removed. */
  synchronized Outcome touch(String key, int ttlSeconds, Condition condition, Claim claim) {
    Optional<Entry> present = get(key);
    if (present.isEmpty()) {
      return Outcome.MISSING;
    }
    Optional<Outcome> refused = refused(present, condition, claim);
    if (refused.isPresent()) {
      return refused.get();
    }
    Entry entry = present.get();
    entries.put(
        key,
        new Entry(
            entry.value,
            entry.entityTag,
            entry.owner,
            entry.writtenNanos,
            ttlSeconds,
            clockNanos.getAsLong()));
    return Outcome.DONE;
  }

  synchronized Outcome remove(String key, Condition condition, Claim claim) {
    Optional<Outcome> refused = refused(get(key), condition, claim);
    if (refused.isPresent()) {
      return refused.get();
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
    return entry.value.length
        + 2L * key.length()
        + entry.owner.stream().mapToLong(name -> 2L * name.length()).sum();
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
