// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import java.io.IOException;

/** Answers requests. Each call has a thread of its own, which may wait. */
interface HttpHandler {
  /**
   * {@return the answer}
   *
   * @throws IOException if the body could not be read: the connection ends
   */
  HttpAnswer answer(HttpRequest request) throws IOException;
}
