// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/**
 * A metadata service that engines share: texts by key (protocol section 2).
 *
 * <p>Thread-safe. Methods wait on the calling thread, best a virtual one, and end within the time
 * that they are given; {@link #close} ends those under way. An interrupted call ends with its flag
 * set. Byte arrays belong to the caller before and after.
 *
 * <p>Every failure is a {@link io.transferengine.transfer.TransferException} of code METADATA that
 * names the service; when the service cannot be reached or does not answer in time, it is a {@link
 * MetadataUnavailableException}.
 *
 * <p>A record of ours is written with {@link #replace} and vanishes some time after the last {@link
 * #replace} or {@link #keep} of it ({@code TE_METADATA_TTL_SECONDS}), where the service can do
 * that: an engine that dies must not leave it for ever.
 */
public interface MetadataStore extends AutoCloseable {

  /** A value as it was at one moment. */
  final class Reading {
    private final byte[] value;
    private final long revision;

    /**
     * A reading.
     *
     * @param revision grows with each change in the service; 0 where it does not count them
     */
    public Reading(byte[] value, long revision) {
      this.value = value;
      this.revision = revision;
    }

    /** {@return the value} */
    public byte[] value() {
      return value;
    }

    /** {@return the moment, for {@link #watch}} */
    public long revision() {
      return revision;
    }
  }

  /** What {@link #watch} has begun. */
  interface Watch extends AutoCloseable {
    /** Ends it. Idempotent; does not wait. */
    @Override
    void close();
  }

  /** {@return the service in words, for error texts} For example {@code etcd at h:2379}. */
  String description();

  /**
   * Does what only a first call has to, such as loading a library, so that it does not count as the
   * service's time; and looks at the service's certificate, where it has one. Returns at once when
   * there is nothing to do, and when nobody listens, which the first call will say.
   *
   * @param timeout how long the service may take for each answer; our own time does not count
   * @throws io.transferengine.transfer.TransferException METADATA when its certificate is not to be
   *     trusted
   */
  default void prepare(Duration timeout) {}

  /** {@return whether values end with a newline (protocol section 2, "value bytes")} */
  boolean endsWithNewline();

  /** {@return the value; empty when there is none} */
  Optional<byte[]> get(String key, Duration timeout);

  /** {@return the value and the moment that it was read at; empty when there is none} */
  default Optional<Reading> read(String key, Duration timeout) {
    return get(key, timeout).map(value -> new Reading(value, 0));
  }

  /**
   * Writes a value if the present one is as expected. Of two that do this at once, one succeeds, as
   * far as the service can tell; the implementation says where it cannot.
   *
   * @param expected the value that is replaced; empty for none
   * @return whether it was as expected, and is {@code value} now
   */
  boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout);

  /**
   * Prolongs the life of a record of ours.
   *
   * @param value what {@link #replace} wrote last
   * @return whether it is still there; if not it has to be written again
   */
  boolean keep(String key, byte[] value, Duration timeout);

  /**
   * Removes a value if it is as expected.
   *
   * @return whether it was
   */
  boolean remove(String key, byte[] expected, Duration timeout);

  /**
   * {@return the keys that begin with a prefix, in no order}
   *
   * @param limit how many at most
   * @throws io.transferengine.transfer.TransferException NOT_IMPLEMENTED when the service cannot
   *     tell
   */
  List<String> keys(String prefix, int limit, Duration timeout);

  /**
   * Tells of the next change of a key after a reading, once: also when it has happened already.
   *
   * @param revision that of the reading; earlier changes are not told
   * @param changed called on some thread when the value was written or removed, or might have been;
   *     must not block
   * @return the watch, which ends with that call; empty when the service cannot do it
   */
  default Optional<Watch> watch(String key, long revision, Runnable changed) {
    return Optional.empty();
  }

  /** Lets go of the service. What waits ends with an exception. Idempotent. */
  @Override
  void close();
}
