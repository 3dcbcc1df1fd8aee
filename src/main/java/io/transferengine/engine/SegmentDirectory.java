// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.net.InetAddress;
import java.time.Duration;
import java.util.Optional;

/**
 * How a segment's name becomes what reaches it: in peer-to-peer mode the name is an address, else a
 * metadata service knows. Thread-safe; calls wait on their thread within the time given.
 */
interface SegmentDirectory extends AutoCloseable {

  /**
   * What is known of a segment.
   *
   * @param descriptor with the data port filled in
   * @param host where its engine is
   * @param misnamed set if its name leads to this machine from here; then the descriptor leaves out
   *     what is found by that name
   */
  record Found(SegmentDescriptor descriptor, String host, Optional<Misnamed> misnamed) {}

  /**
   * A peer whose name for itself leads to this machine from here.
   *
   * @param name that name
   * @param said what it would be reached by under a better one
   */
  record Misnamed(String name, SegmentDescriptor said) {}

  /**
   * Checks a name without asking anybody.
   *
   * @throws TransferException INVALID_ARGUMENT for what can be no segment's name
   */
  void requireName(String segment);

  /** {@return where the segment's handshake daemon listens} */
  HostPort rpcAddress(String segment, Duration timeout);

  /** {@return what the segment's owner says of it now} */
  Found find(String segment, Duration timeout);

  /** {@return whether a question for the segment goes to that host, or to a metadata service} */
  default boolean leadsTo(String segment, InetAddress from) {
    return true;
  }

  /** {@return whether a name leads to this machine from here, though another one bears it} */
  default boolean misleads(String server, InetAddress from) {
    return false;
  }

  /** Ends the calls under way. Idempotent. */
  @Override
  void close();
}
