// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import io.transferengine.handshake.HandshakeClient;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.HostPort;
import io.transferengine.transfer.TransferException;
import io.transferengine.wire.SegmentDescriptor;
import java.time.Duration;
import java.util.function.Supplier;

/**
 * Whether a record under our name is a dead engine's, which we replace, or another live engine's,
 * which we must not touch.
 *
 * <p>Live is what its RPC address leads to: something answers Probe there (an old engine: accepts a
 * connection). It is not the owner of the name after all when it is ourselves, on the port that our
 * predecessor had, or when it says that its name is another one: then that engine has got the dead
 * one's port. C++ engines say no name here; they count as the owner.
 */
final class NameOwner {
  /** Long enough for an engine that is busy, short enough for all of a start's 5 seconds. */
  private static final Duration LOOK_TIMEOUT = Duration.ofMillis(1500);

  private final HandshakeClient client;
  private final Supplier<SegmentDescriptor> own;

  /**
   * @param client belongs to the engine, which closes it
   * @param own our descriptor without its buffers
   */
  NameOwner(HandshakeClient client, Supplier<SegmentDescriptor> own) {
    this.client = client;
    this.own = own;
  }

  /**
   * Returns when nobody lives at an address who owns our name.
   *
   * @param key of the record that names the address
   * @throws TransferException METADATA when somebody does
   */
  void requireGone(String key, HostPort address) {
    SegmentDescriptor ourselves = own.get();
    HandshakeClient.Presence there = client.look(address, ourselves, LOOK_TIMEOUT);
    if (there.listens() && there.descriptor().map(said -> isOwner(said, ourselves)).orElse(true)) {
      throw owned(key, address, ourselves);
    }
  }

  /**
   * The same, but an engine that says no name, as a C++ engine, does not count as the owner.
   *
   * @throws TransferException METADATA when another engine says that the name is its own
   */
  void requireNoJavaEngine(String key, HostPort address) {
    SegmentDescriptor ourselves = own.get();
    HandshakeClient.Presence there = client.look(address, ourselves, LOOK_TIMEOUT);
    if (there.descriptor().map(said -> isOwner(said, ourselves)).orElse(false)) {
      throw owned(key, address, ourselves);
    }
  }

  private static boolean isOwner(SegmentDescriptor said, SegmentDescriptor ourselves) {
    return said.name().equals(ourselves.name())
        && !said.incarnation().equals(ourselves.incarnation());
  }

  private static TransferException owned(
      String key, HostPort address, SegmentDescriptor ourselves) {
    return new TransferException(
        ErrorCode.METADATA,
        "The name \"%s\" belongs to another engine, which is alive at %s (record %s)"
            .formatted(ourselves.name(), address, key),
        "Choose another name, or stop that engine");
  }
}
