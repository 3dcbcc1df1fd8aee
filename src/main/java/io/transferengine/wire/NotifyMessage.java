// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

/**
 * A notification between engines (protocol section 5.5).
 *
 * @param name what the message is about; chosen by the sender
 * @param message the text; in a reply, an empty text means that the peer did not take the
 *     notification
 */
public record NotifyMessage(String name, String message) {
  /** The reply to a notification that was taken. */
  public static final NotifyMessage TAKEN = new NotifyMessage("", "success");
}
