// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The room for a server's records, in number and in bytes: so much for all writers together, and
 * half of it for one. A writer is the names that a client has proved, or its address if it has
 * proved none. Values that were replaced and are still being sent have room of their own: who reads
 * slowly is not to take that of the writer's next record. For one thread at a time.
 */
final class RecordRoom {
  /**
   * Values that were replaced may take this part of the bytes once more, half of it one writer's.
   */
  private static final int OLD_PART = 4;

  private final int recordsLimit;
  private final long bytesLimit;
  private final Taken all = new Taken();

  /** Only writers who have something here are in it, so the limits bound their number, too. */
  private final Map<String, Taken> byWriter = new HashMap<>();

  private static final class Taken {
    private int records;
    private long bytes;

    /** Of values that were replaced. */
    private long oldBytes;

    private boolean isEmpty() {
      return records == 0 && bytes == 0 && oldBytes == 0;
    }
  }

  RecordRoom(int recordsLimit, long bytesLimit) {
    this.recordsLimit = recordsLimit;
    this.bytesLimit = bytesLimit;
  }

  /**
   * {@return why there is no room for a record of a writer, with the limit's name; empty if there
   * is}
   *
   * @param bytes of the record
   * @param freed what it replaces, and what that gives back; 0 for no record
   */
  Optional<String> full(String writer, long bytes, Freed freed) {
    Taken own = byWriter.getOrDefault(writer, new Taken());
    Freed ownFreed = freed.writer.equals(writer) ? freed : Freed.NOTHING;
    Optional<String> full =
        full(own, half(recordsLimit), bytesLimit / 2, bytes, ownFreed, writer, "half of ");
    return full.isPresent()
        ? full
        : full(all, recordsLimit, bytesLimit, bytes, freed, "all writers together", "");
  }

  private static int half(int limit) {
    return limit - limit / 2;
  }

  private static Optional<String> full(
      Taken taken, int records, long bytes, long more, Freed freed, String who, String share) {
    if (taken.records - freed.records >= records) {
      return Optional.of(
          "%d of %d records are of %s (%sthe limit of records)"
              .formatted(taken.records, records, who, share));
    }
    // What is shorter than before always fits.
    if (more > freed.bytes && taken.bytes - freed.bytes + more > bytes) {
      return Optional.of(
          "%d more bytes are needed, but %d of %d are taken by records of %s (%sthe limit of bytes)"
              .formatted(more - freed.bytes, taken.bytes, bytes, who, share));
    }
    return Optional.empty();
  }

  /**
   * What goes when a record is replaced.
   *
   * @param writer its own
   * @param records 1, or 0 for none
   */
  record Freed(String writer, int records, long bytes) {
    static final Freed NOTHING = new Freed("", 0, 0);
  }

  /** Takes room. If that throws, none is taken. */
  void take(String writer, int records, long bytes) {
    Taken own = byWriter.computeIfAbsent(writer, _ -> new Taken());
    own.records += records;
    own.bytes += bytes;
    all.records += records;
    all.bytes += bytes;
  }

  /** {@return whether a value that a writer has here may be kept beside, when it is replaced} */
  boolean hasRoomForOld(String writer, long bytes) {
    Taken own = byWriter.get(writer);
    long limit = bytesLimit / OLD_PART;
    return own != null && own.oldBytes + bytes <= limit / 2 && all.oldBytes + bytes <= limit;
  }

  /** Takes that room, or gives it back if {@code bytes} is negative. Needs no memory. */
  void takeOld(String writer, long bytes) {
    Taken own = byWriter.get(writer);
    if (own != null) {
      own.oldBytes += bytes;
      all.oldBytes += bytes;
      forget(writer, own);
    }
  }

  private void forget(String writer, Taken own) {
    if (own.isEmpty()) {
      byWriter.remove(writer);
    }
  }

  /** Gives it back. Needs no memory. */
  void giveBack(String writer, int records, long bytes) {
    Taken own = byWriter.get(writer);
    if (own != null) {
      own.records -= records;
      own.bytes -= bytes;
      forget(writer, own);
    }
    all.records -= records;
    all.bytes -= bytes;
  }

  /** {@return those of the records, and of values that were replaced and are still being sent} */
  long bytes() {
    return all.bytes + all.oldBytes;
  }
}
