// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * Finds a segment by its name. In peer-to-peer mode the name is an address, else a metadata service
 * has it. Thread-safe; calls wait on their thread within the given time.
 */
interface SegmentDirectory extends AutoCloseable {

  /**
   * What is known of a segment.
   *
   * @param descriptor with the data port filled in
   * @param host where its engine is
   * @param misnamed set if its name leads to this machine from here; then the descriptor leaves out
   *     all that is found by that name
   */
  record Found(SegmentDescriptor descriptor, String host, Optional<Misnamed> misnamed) {}

  /**
   * A peer whose name for itself leads to this machine from here.
   *
   * @param name that name
   * @param said the descriptor by which it would be reached under a better name
   */
  record Misnamed(String name, SegmentDescriptor said) {}

  /**
   * Checks a name without a question to a peer or service.
   *
   * @throws TransferException INVALID_ARGUMENT if it cannot be a segment's name
   */
  void requireName(String segment);

  /** {@return the address of the segment's handshake daemon} */
  HostPort rpcAddress(String segment, Duration timeout);

  /** {@return the owner's present descriptor of the segment} */
  Found find(String segment, Duration timeout);

  /**
   * {@return the same, after a transfer has failed as it does when the peer has changed} Where
   * descriptors are kept, the one there may be old still: then the owner is asked itself.
   *
   * @param old the descriptor that the transfer was made by
   */
  default Found findNewer(String segment, SegmentDescriptor old, Duration timeout) {
    return find(segment, timeout);
  }

  /** {@return whether a question for the segment goes to its host, not to a metadata service} */
  default boolean leadsTo(String segment, InetAddress from) {
    return true;
  }

  /** {@return whether a name leads to this machine from here, although it is another machine's} */
  default boolean misleads(String server, InetAddress from) {
    return false;
  }

  /** Ends the calls under way. Idempotent. */
  @Override
  void close();
}
