// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.Notifications;
import java.net.InetAddress;

/**
 * A message that a peer's application has sent to ours, and who sent it. Immutable. Two are never
 * equal: a peer may say the same thing twice.
 */
public final class Notification {
  private final Notifications.Kept kept;

  Notification(Notifications.Kept kept) {
    this.kept = kept;
  }

  /** {@return what it is about; a peer's text, perhaps a stranger's} */
  public String name() {
    return kept.message().name();
  }

  /** {@return its text; a peer's, perhaps a stranger's} */
  public String message() {
    return kept.message().message();
  }

  /**
   * {@return the address that it came from}
   *
   * <p>The protocol does not carry the sender's segment. Engines on one machine have one address.
   */
  public InetAddress sender() {
    return kept.from();
  }

  /** {@return the sender, and how long name and text are; not the text, which is a stranger's} */
  @Override
  public String toString() {
    return "Notification from %s, name of %d and message of %d characters"
        .formatted(sender().getHostAddress(), name().length(), message().length());
  }
}
