// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.metadata.HttpMetadataProtocol;
import java.io.Serial;

/** Ends a request with a status that is not 200, and a text for people. */
final class HttpRefusal extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  private final int status;

  HttpRefusal(int status, String text) {
    super(text, null, false, false);
    this.status = status;
  }

  int status() {
    return status;
  }

  /** {@return the answer that says so} */
  HttpAnswer answer() {
    String text = String.valueOf(getMessage());
    return status == HttpMetadataProtocol.UNAUTHORIZED
        ? HttpAnswer.challenge(text)
        : HttpAnswer.text(status, text);
  }
}
