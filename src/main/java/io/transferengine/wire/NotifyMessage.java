// SPDX-License-Identifier: Apache-2.0
package io.transferengine.wire;

import io.transferengine.transfer.TraceParent;
import java.util.Optional;

/**
 * A notification between engines (protocol section 5.5).
 *
 * @param name what the message is about; chosen by the sender
 * @param message the text; in a reply, an empty text means that the peer did not take the
 *     notification
 * @param traceParent the sender's span; empty if it is no part of a trace. Our own member
 */
public record NotifyMessage(String name, String message, Optional<TraceParent> traceParent) {
  /** The reply to a notification that was taken. */
  public static final NotifyMessage TAKEN = new NotifyMessage("", "success");

  /** One that is no part of a trace. */
  public NotifyMessage(String name, String message) {
    this(name, message, Optional.empty());
  }

  /** {@return the same as no part of a trace} */
  public NotifyMessage withoutTrace() {
    return new NotifyMessage(name, message);
  }
}
