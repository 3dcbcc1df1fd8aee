// SPDX-License-Identifier: Apache-2.0
package io.transferengine.metadata.server;

import io.transferengine.access.PeerIdentity;
import java.io.InputStream;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * A request whose body is not read yet. For one thread.
 *
 * @param head its first line and headers
 * @param body the rest
 * @param peer who asks, with what its connection has proved
 */
record HttpRequest(HttpHead head, InputStream body, PeerIdentity peer) {
  String method() {
    return head.method();
  }

  /** {@return the path, not decoded: all of ours are plain words} */
  String path() {
    int end = head.target().indexOf('?');
    return end < 0 ? head.target() : head.target().substring(0, end);
  }

  Optional<String> header(String name) {
    return head.header(name);
  }

  /** {@return the decoded value of a parameter of the query} */
  Optional<String> parameter(String name) throws HttpRefusal {
    int start = head.target().indexOf('?');
    if (start < 0) {
      return Optional.empty();
    }
    for (String pair : head.target().substring(start + 1).split("&", -1)) {
      if (pair.startsWith(name + "=")) {
        try {
          return Optional.of(
              URLDecoder.decode(pair.substring(name.length() + 1), StandardCharsets.UTF_8));
        } catch (IllegalArgumentException e) {
          throw new HttpRefusal(HttpStatus.BAD_REQUEST, "the key is not encoded properly");
        }
      }
    }
    return Optional.empty();
  }
}
