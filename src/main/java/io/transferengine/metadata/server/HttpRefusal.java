// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.io.Serial;

/** Ends a request with a status that is not 200, and a text for people. */
final class HttpRefusal extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  private final HttpStatus status;

  HttpRefusal(HttpStatus status, String text) {
    super(text, null, false, false);
    this.status = status;
  }

  HttpStatus status() {
    return status;
  }

  /** {@return the answer that says so} */
  HttpAnswer answer() {
    return HttpAnswer.refusal(status, String.valueOf(getMessage()));
  }
}
