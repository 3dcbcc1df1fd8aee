// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import io.transferengine.metadata.server.HttpMetadataServer;

/** Our own HTTP server, in this JVM. */
public final class OwnHttpService implements TestService {
  private HttpMetadataServer server = HttpMetadataServer.start("127.0.0.1", 0);
  private final int port = server.port();

  @Override
  public String connectionString() {
    return "http://127.0.0.1:" + port + "/metadata";
  }

  @Override
  public void kill() {
    server.close();
  }

  @Override
  public void restart() {
    server = HttpMetadataServer.start("127.0.0.1", port);
  }

  @Override
  public void close() {
    server.close();
  }
}
