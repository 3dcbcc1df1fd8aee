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
 * Tells whether a record under our name is a dead engine's, which we replace, or a live engine's,
 * which we must not touch.
 *
 * <p>An engine is alive if something at its RPC address answers Probe (or, for an old engine,
 * accepts a connection). It is not the owner of the name if it is this engine, on the port of its
 * predecessor, or if it gives another name: then another engine has the dead one's port. C++
 * engines give no name here; they count as the owner.
 */
final class NameOwner {
  /** Long enough for a busy engine, short enough for the 5 seconds of a start. */
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
   * Returns if no live engine at an address owns our name.
   *
   * @param key of the record that names the address
   * @throws TransferException METADATA if one does
   */
  void requireGone(String key, HostPort address) {
    SegmentDescriptor ourselves = own.get();
    HandshakeClient.Presence there = client.look(address, ourselves, LOOK_TIMEOUT);
    if (there.listens() && there.descriptor().map(said -> isOwner(said, ourselves)).orElse(true)) {
      throw owned(key, address, ourselves);
    }
  }

  /**
   * The same, but an engine that gives no name, such as a C++ engine, does not count as the owner.
   *
   * @throws TransferException METADATA if another engine gives our name
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
