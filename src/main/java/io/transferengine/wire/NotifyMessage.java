// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

/**
 * A notification between engines (protocol section 5.5).
 *
 * @param name what the message is about; chosen by the sender
 * @param message the text; an empty one in a reply says that the peer failed to take the
 *     notification
 */
public record NotifyMessage(String name, String message) {
  /** The answer to a notification that was taken. */
  public static final NotifyMessage TAKEN = new NotifyMessage("", "success");
}
