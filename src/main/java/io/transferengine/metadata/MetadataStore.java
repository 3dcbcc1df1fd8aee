// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * The client of a metadata service that engines share. It stores texts by key (protocol section 2).
 *
 * <p>Thread-safe. A method waits on the calling thread, best a virtual one, and ends within its
 * {@code timeout}. {@link #close} ends the calls under way. If the thread is interrupted, the call
 * ends and the interrupt flag stays set. The caller owns the byte arrays that it passes and those
 * that it gets.
 *
 * <p>Every failure is a {@link io.transferengine.transfer.TransferException} of code METADATA that
 * names the service. If the service cannot be reached or does not answer in time, it is a {@link
 * MetadataUnavailableException}.
 *
 * <p>Our records are written with {@link #replace}. If the service can do that, a record vanishes
 * {@code TE_METADATA_TTL_SECONDS} after the last {@link #replace} or {@link #keep} of it: an engine
 * that dies must not leave its records for ever.
 */
public interface MetadataStore extends AutoCloseable {

  /** A value, as it was when it was read. */
  final class Reading {
    private final byte[] value;
    private final long revision;

    /**
     * Creates a reading.
     *
     * @param revision grows with each change in the service; 0 if the service does not count
     *     changes
     */
    public Reading(byte[] value, long revision) {
      this.value = value;
      this.revision = revision;
    }

    /** {@return the value} */
    public byte[] value() {
      return value;
    }

    /** {@return the revision at which the value was read, for {@link #watch}} */
    public long revision() {
      return revision;
    }
  }

  /** A watch that {@link #watch} has begun. */
  interface Watch extends AutoCloseable {
    /** Ends it. Idempotent; does not wait. */
    @Override
    void close();
  }

  /** {@return the service in words, for error texts} For example {@code etcd at h:2379}. */
  String description();

  /**
   * Prepares the first call, for example loads a library, so that this does not count as the
   * service's time. It also checks the service's certificate, if it has one. Returns at once if
   * there is nothing to do or the service does not listen; in the latter case the first call fails.
   *
   * @param timeout how long the service may take for each answer; our own time does not count
   * @throws io.transferengine.transfer.TransferException METADATA if the service's certificate
   *     cannot be trusted
   */
  default void prepare(Duration timeout) {}

  /** {@return whether values end with a newline (protocol section 2, "value bytes")} */
  boolean endsWithNewline();

  /** {@return the value; empty if there is no such record} */
  Optional<byte[]> get(String key, Duration timeout);

  /** {@return the value and the revision at which it was read; empty if there is no such record} */
  default Optional<Reading> read(String key, Duration timeout) {
    return get(key, timeout).map(value -> new Reading(value, 0));
  }

  /**
   * Writes a value if the present one is as expected. If two clients do this at once, only one
   * succeeds, unless the service cannot guarantee that: the implementation's description says so.
   *
   * @param expected the value that is replaced; empty if there must be no record
   * @return whether the value was as expected, and is {@code value} now
   */
  boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout);

  /**
   * Prolongs the life of a record of ours.
   *
   * @param value the value that {@link #replace} wrote last
   * @return whether the record still exists; if not, the caller must write it again
   */
  boolean keep(String key, byte[] value, Duration timeout);

  /**
   * Removes a value if it is as expected.
   *
   * @return whether it was as expected
   */
  boolean remove(String key, byte[] expected, Duration timeout);

  /**
   * {@return the keys that begin with a prefix, in any order}
   *
   * @param limit how many keys are returned at most
   * @throws io.transferengine.transfer.TransferException NOT_IMPLEMENTED if the service cannot list
   *     its keys
   */
  List<String> keys(String prefix, int limit, Duration timeout);

  /**
   * Reports the first change of a key after a reading, also if it has happened already.
   *
   * @param revision the revision of the reading; changes up to it are not reported
   * @param changed called once, on any thread, when the value was written or removed, or may have
   *     been; must not block
   * @return the watch, which ends with that call; empty if the service has no watches
   */
  default Optional<Watch> watch(String key, long revision, Runnable changed) {
    return Optional.empty();
  }

  /** Disconnects from the service. Calls that wait end with an exception. Idempotent. */
  @Override
  void close();
}
