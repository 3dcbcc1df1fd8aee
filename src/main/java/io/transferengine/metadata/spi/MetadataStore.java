// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.spi;

import io.transferengine.logging.SystemError;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The client of a metadata service that engines share. It stores values, which are bytes, by key.
 * An engine keeps two records there: {@code mooncake/rpc_meta/NAME}, the address of its handshake
 * daemon, and {@code mooncake/ram/NAME}, its descriptor. It reads those of its peers ({@code
 * docs/PROTOCOL.md}).
 *
 * <p><b>Keys</b> are any text of up to some hundred characters, with slashes, colons and brackets.
 * <b>Values</b> are JSON of up to {@link #VALUE_LENGTH_MAX_BYTES}. A record has a few hundred
 * bytes, and 100 more for each registration. The engine owns the byte arrays that it passes and
 * those that it gets: copy what you keep.
 *
 * <p><b>Threads.</b> Any number of threads call at once. A method waits on the calling thread and
 * ends within its {@code timeout}, if need be with an exception. {@link #close} ends the calls
 * under way. If the thread is interrupted, the call ends soon and the interrupt flag stays set.
 *
 * <p><b>Errors.</b> Every failure is a {@link TransferException} that names the service. If the
 * service cannot be reached or does not answer in time, its code is METADATA_UNAVAILABLE ({@link
 * #unavailable} makes it): the engine then goes on with what it knows, and tries again. If the
 * service refuses, the code is METADATA. Any other exception fails the call; if no caller waits for
 * the answer, it is logged with its stack.
 *
 * <p><b>Dead engines.</b> If the service can do that, a record vanishes {@link
 * MetadataStoreContext#timeToLive} after the last {@link #replace} or {@link #keep} of it: an
 * engine that dies should not leave its records for ever.
 */
public interface MetadataStore extends AutoCloseable {
  /**
   * The longest value that a store may return, 32 MiB. A longer one is an error. The C++ engine
   * accepts as much from etcd, and less from its other services.
   */
  int VALUE_LENGTH_MAX_BYTES = 32 << 20;

  /** A value, as it was when it was read. */
  final class Reading {
    private final byte[] value;
    private final long revision;

    /**
     * Creates a reading.
     *
     * @param value the value, which is not copied
     * @param revision grows with each change in the service; 0 if the service does not count
     *     changes
     */
    public Reading(byte[] value, long revision) {
      this.value = value;
      this.revision = revision;
    }

    /** {@return the value, which is not copied} */
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
    /** Ends it. Any thread may call it. Idempotent; does not wait. */
    @Override
    void close();
  }

  /**
   * {@return the failure of one call: the service cannot be reached or did not answer in time}
   *
   * @param service the service in words, see {@link #description}
   * @param why the reason, a clause without a full stop
   * @param cause the exception that says so
   */
  static TransferException unavailable(String service, String why, Throwable cause) {
    return new TransferException(
        ErrorCode.METADATA_UNAVAILABLE,
        "The metadata service (" + service + ") cannot be reached: " + why,
        SystemError.remedy(
            cause,
            "Is it running, and is the address right? Engines go on with the peers that they know"),
        cause);
  }

  /** {@return the service in words, for error texts} For example {@code etcd at h:2379}. */
  String description();

  /**
   * Prepares the first call, for example loads a library, so that this does not count as the
   * service's time. It also checks the service's certificate, if it has one. Returns at once if
   * there is nothing to do or the service does not listen; in the latter case the first call fails.
   * Called once, when an engine opens.
   *
   * @param timeout how long the service may take for each answer; our own time does not count
   * @throws TransferException METADATA if the service's certificate cannot be trusted
   */
  default void prepare(Duration timeout) {}

  /**
   * {@return whether the values that engines write end with a newline} With Mooncake's engines they
   * do in etcd and redis. If only Java engines read them, it does not matter.
   */
  default boolean endsWithNewline() {
    return true;
  }

  /**
   * {@return the value; empty if there is no such record}
   *
   * @param key the key of the record
   * @param timeout how long the call may take: more than 0, and up to some seconds
   */
  Optional<byte[]> get(String key, Duration timeout);

  /**
   * {@return the value and the revision at which it was read; empty if there is no such record}
   *
   * @param key the key of the record
   * @param timeout how long the call may take
   */
  default Optional<Reading> read(String key, Duration timeout) {
    return get(key, timeout).map(value -> new Reading(value, 0));
  }

  /**
   * Writes a value if the present one is as expected. If two clients do this at once, only one may
   * succeed: that is how an engine gets its name to itself. If the service cannot guarantee that,
   * the documentation of the store should say so.
   *
   * @param key the key of the record
   * @param expected the value that is replaced; empty if there must be no record
   * @param value the value that is written
   * @param timeout how long the call may take
   * @return whether the value was as expected, and is {@code value} now
   */
  boolean replace(String key, Optional<byte[]> expected, byte[] value, Duration timeout);

  /**
   * Prolongs the life of a record of ours. The default only looks whether it still exists, which is
   * enough if records of the service do not expire.
   *
   * @param key the key of the record
   * @param value the value that {@link #replace} wrote last
   * @param timeout how long the call may take
   * @return whether the record still exists with this value; if not, the engine writes it again
   */
  default boolean keep(String key, byte[] value, Duration timeout) {
    return get(key, timeout).filter(present -> Arrays.equals(present, value)).isPresent();
  }

  /**
   * Removes a value if it is as expected.
   *
   * @param key the key of the record
   * @param expected the value that is removed
   * @param timeout how long the call may take
   * @return whether it was as expected
   */
  boolean remove(String key, byte[] expected, Duration timeout);

  /**
   * {@return the keys that begin with a prefix, in any order} Engines do not call it. The command
   * {@code segments} does, to list who is registered.
   *
   * @param prefix such as {@code mooncake/rpc_meta/}; it is not a pattern
   * @param limit how many keys are returned at most
   * @param timeout how long the call may take
   * @throws TransferException NOT_IMPLEMENTED if the service cannot list its keys, which is the
   *     default
   */
  default List<String> keys(String prefix, int limit, Duration timeout) {
    throw new TransferException(
        ErrorCode.NOT_IMPLEMENTED, description() + " cannot list its records", "");
  }

  /**
   * Reports the first change of a key after a reading, also if it has happened already. Without
   * watches, an engine notices that a peer has restarted when a transfer to it fails.
   *
   * @param key the key of the record
   * @param revision the revision of the reading; changes up to it are not reported
   * @param changed to be called once, on any thread, when the value was written or removed, or may
   *     have been; it does not block
   * @return the watch, which ends with that call; empty if the service has no watches, which is the
   *     default
   */
  default Optional<Watch> watch(String key, long revision, Runnable changed) {
    return Optional.empty();
  }

  /**
   * Disconnects from the service, within a second. Calls that wait, and all later ones, end with an
   * exception. Watches end. Idempotent.
   */
  @Override
  void close();
}
