// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import io.transferengine.engine.EngineOptions;
import java.util.Objects;

/** Joins the two arguments by which {@code initializeExt} names a metadata service. */
final class MetadataServers {
  private MetadataServers() {}

  static String join(String server, String type) {
    Objects.requireNonNull(server, "metadataServer must not be null");
    if (type.equals(EngineOptions.P2P_HANDSHAKE)) {
      return EngineOptions.P2P_HANDSHAKE;
    }
    return type.isEmpty()
            || server.isEmpty()
            || server.equals(EngineOptions.P2P_HANDSHAKE)
            || server.contains("://")
        ? server
        : type + "://" + server;
  }
}
