// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import java.util.Objects;

/** Puts the two arguments by which {@code initializeExt} names a metadata service together. */
final class MetadataServers {
  private static final String P2P = "P2PHANDSHAKE";

  private MetadataServers() {}

  static String join(String server, String type) {
    Objects.requireNonNull(server, "metadataServer");
    if (type.equals(P2P)) {
      return P2P;
    }
    return type.isEmpty() || server.isEmpty() || server.equals(P2P) || server.contains("://")
        ? server
        : type + "://" + server;
  }
}
