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
  private final RecordRoom room;
  private final LongSupplier clockNanos;
  private final Map<String, Entry> entries = new TreeMap<>();

  /** The outcome of a request to change a record. */
  enum Outcome {
    /** The change was made. */
    DONE,
    /** There is no such record. */
    MISSING,
    /** The record is not the one in the condition. */
    CHANGED,
    /** The record belongs to somebody else. */
    FOREIGN
  }

  /** Whose room a record takes, and how much; the bytes of the value until nobody sends them. */
  private static final class Kept {
    final String writer;
    final byte[] value;
    boolean isStored = true;
    int readings;

    /** Whether it takes room for what was replaced, no more for records. */
    boolean isOld;

    Kept(String writer, byte[] value) {
      this.writer = writer;
      this.value = value;
    }
  }

  /**
   * A record that is being sent. Until it is closed, its bytes are counted, be they replaced or
   * not: somebody who reads slowly holds them. That is not its writer's doing, so they leave his
   * room for records when they are replaced, if there is room for such values.
   */
  final class Reading implements AutoCloseable {
    private final Kept kept;
    private final String entityTag;
    private boolean isOver;

    private Reading(Entry entry) {
      kept = entry.kept;
      entityTag = entry.entityTag;
    }

    byte[] value() {
      return kept.value;
    }

    String entityTag() {
      return entityTag;
    }

    /** Idempotent. */
    @Override
    public void close() {
      synchronized (RecordTable.this) {
        if (!isOver) {
          isOver = true;
          kept.readings--;
          if (!kept.isStored && kept.readings == 0) {
            if (kept.isOld) {
              room.takeOld(kept.writer, -kept.value.length);
            } else {
              room.giveBack(kept.writer, 0, kept.value.length);
            }
          }
        }
      }
    }
  }

  /** A value, who wrote it, and the times when it was written and ends. */
  static final class Entry {
    final byte[] value;
    final String entityTag;
    final long writtenNanos;

    /** What its writer had proved; empty if that was nothing. */
    final List<String> owner;

    private final Kept kept;
    private final long endNanos;
    private final boolean ends;

    private Entry(
        Kept kept,
        String entityTag,
        List<String> owner,
        long writtenNanos,
        int ttlSeconds,
        long now) {
      this.kept = kept;
      value = kept.value;
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
   * @param writer whose room a record takes that he writes
   * @param names that he has proved
   * @param abandoned a record of somebody else that may be changed all the same, as it was when
   *     that was found out
   */
  record Claim(String writer, List<String> names, Optional<Entry> abandoned) {
    /** By somebody who has proved nothing. */
    static final Claim NOBODYS = new Claim("nobody", List.of(), Optional.empty());

    private boolean covers(Optional<Entry> entry) {
      return entry.isEmpty()
          || names.containsAll(entry.get().owner)
          || (abandoned.isPresent() && abandoned.get() == entry.get());
    }
  }

  RecordTable(int recordsLimit, long bytesLimit, LongSupplier clockNanos) {
    room = new RecordRoom(recordsLimit, bytesLimit);
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

  /** {@return the record, to be sent; the caller closes it then} */
  synchronized Optional<Reading> read(String key) {
    Optional<Entry> entry = get(key);
    if (entry.isEmpty()) {
      return Optional.empty();
    }
    Optional<Reading> begun = Optional.of(new Reading(entry.get()));
    entry.get().kept.readings++;
    return begun;
  }

  /**
   * Writes a record.
   *
   * @param ttlSeconds how long it lives; 0 if it lives until it is removed
   * @throws HttpRefusal 507 if there is no room
   */
  synchronized Outcome put(
      String key, byte[] value, int ttlSeconds, Condition condition, Claim claim)
      throws HttpRefusal {
    Optional<Entry> present = get(key);
    Optional<Outcome> refused = refused(present, condition, claim);
    if (refused.isPresent()) {
      return refused.get();
    }
    long now = clockNanos.getAsLong();
    Entry made =
        new Entry(
            new Kept(claim.writer, value),
            HttpMetadataProtocol.entityTag(value),
            claim.names,
            now,
            ttlSeconds,
            now);
    if (full(key, made, present).isPresent()) {
      sweep();
      present = get(key);
      Optional<String> full = full(key, made, present);
      if (full.isPresent()) {
        throw new HttpRefusal(HttpStatus.FULL, "there is no room for this record: " + full.get());
      }
    }
    store(key, made, present);
    return Outcome.DONE;
  }

  private Optional<String> full(String key, Entry made, Optional<Entry> present) {
    RecordRoom.Freed freed =
        present
            .map(
                old ->
                    new RecordRoom.Freed(
                        old.kept.writer, 1, ownBytes(key, old) + valueBytes(old.kept)))
            .orElse(RecordRoom.Freed.NOTHING);
    return room.full(made.kept.writer, ownBytes(key, made) + made.value.length, freed);
  }

  private void store(String key, Entry made, Optional<Entry> present) {
    long bytes = ownBytes(key, made) + made.value.length;
    room.take(made.kept.writer, 1, bytes);
    try {
      entries.put(key, made);
    } catch (Throwable t) {
      // There is no memory for it.
      room.giveBack(made.kept.writer, 1, bytes);
      throw t;
    }
    if (present.isPresent()) {
      leave(key, present.get());
    }
  }

  /** {@return what a value leaves of its writer's room when it is replaced} */
  private long valueBytes(Kept kept) {
    boolean leaves = kept.readings == 0 || room.hasRoomForOld(kept.writer, kept.value.length);
    return leaves ? kept.value.length : 0;
  }

  /** An entry has left the table. Needs no memory. */
  private void leave(String key, Entry entry) {
    Kept kept = entry.kept;
    long left = valueBytes(kept);
    kept.isStored = false;
    kept.isOld = kept.readings > 0 && left > 0;
    if (kept.isOld) {
      room.takeOld(kept.writer, left);
    }
    room.giveBack(kept.writer, 1, ownBytes(key, entry) + left);
  }

  private static Optional<Outcome> refused(
      Optional<Entry> present, Condition condition, Claim claim) {
    if (!condition.holds(present)) {
      return Optional.of(Outcome.CHANGED);
    }
    return claim.covers(present) ? Optional.empty() : Optional.of(Outcome.FOREIGN);
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
            entry.kept,
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
      leave(key, entry);
    }
    return entry != null;
  }

  /** {@return what an entry takes beside its value} */
  private static long ownBytes(String key, Entry entry) {
    long bytes = 2L * key.length();
    for (int i = 0; i < entry.owner.size(); i++) { // A stream would need memory.
      bytes += 2L * entry.owner.get(i).length();
    }
    return bytes;
  }

  /** Removes the records whose time to live is over. */
  synchronized void sweep() {
    long now = clockNanos.getAsLong();
    Iterator<Map.Entry<String, Entry>> all = entries.entrySet().iterator();
    while (all.hasNext()) {
      Map.Entry<String, Entry> next = all.next();
      String key = next.getKey();
      Entry entry = next.getValue();
      if (entry.isOver(now)) {
        all.remove();
        leave(key, entry);
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

  /** {@return those of the records, and of values that were replaced and are still being sent} */
  synchronized long bytes() {
    return room.bytes();
  }

  /** {@return how many seconds ago the record's value was written} */
  long ageSeconds(Entry entry) {
    return TimeUnit.NANOSECONDS.toSeconds(clockNanos.getAsLong() - entry.writtenNanos);
  }
}
