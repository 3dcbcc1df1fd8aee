// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.Notifications;
import io.transferengine.transfer.TraceParent;
import java.net.InetAddress;
import java.util.Optional;

/**
 * A message from a peer's application, with its sender. Immutable. Two are never equal: a peer may
 * send the same message twice.
 */
public final class Notification {
  private final Notifications.Kept kept;

  Notification(Notifications.Kept kept) {
    this.kept = kept;
  }

  /** {@return its subject: a peer's text, perhaps a stranger's} */
  public String name() {
    return kept.message().name();
  }

  /** {@return its text: a peer's, perhaps a stranger's} */
  public String message() {
    return kept.message().message();
  }

  /**
   * {@return the address that it came from}
   *
   * <p>The protocol does not carry the sender's segment. Engines on one machine share an address.
   */
  public InetAddress sender() {
    return kept.from();
  }

  /**
   * {@return the sender's span, so that what is done for the message can be a part of its trace;
   * empty if it says none} Whoever reaches the RPC port can say any.
   */
  public Optional<TraceParent> traceParent() {
    return kept.message().traceParent();
  }

  /**
   * {@return the sender and the lengths of name and text, but not the text, which may be a
   * stranger's}
   */
  @Override
  public String toString() {
    return "Notification from %s, name of %d and message of %d characters"
        .formatted(sender().getHostAddress(), name().length(), message().length());
  }
}
