// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.util.Objects;

/**
 * A message from a peer's application.
 *
 * @param name its subject
 * @param message its text
 */
public record TransferNotify(String name, String message) {
  /** Checks for null. */
  public TransferNotify {
    Objects.requireNonNull(name, "name must not be null");
    Objects.requireNonNull(message, "message must not be null");
  }
}
