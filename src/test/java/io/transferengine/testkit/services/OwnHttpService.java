// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import io.transferengine.metadata.server.HttpMetadataServer;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/** Our own HTTP server, in this JVM. */
public final class OwnHttpService implements TestService {
  private final Map<String, String> environment = new HashMap<>();
  private final Path folder = ServerProcess.newFolder("http");
  private final Optional<SSLContext> tls;
  private HttpMetadataServer server;
  private final int port;

  private OwnHttpService(boolean secured) {
    if (secured) {
      TestCertificate certificate = new TestCertificate(folder);
      environment.put("TE_METADATA_TLS_CA", certificate.certificateFile());
      tls = Optional.of(certificate.serverContext());
    } else {
      tls = Optional.empty();
    }
    server = launch(0);
    port = server.port();
  }

  /** Starts one that anybody may use. */
  public static OwnHttpService plain() {
    return new OwnHttpService(false);
  }

  /** Starts one with TLS. */
  public static OwnHttpService secured() {
    return new OwnHttpService(true);
  }

  private HttpMetadataServer launch(int atPort) {
    return tls.map(context -> HttpMetadataServer.startTls("127.0.0.1", atPort, context))
        .orElseGet(() -> HttpMetadataServer.start("127.0.0.1", atPort));
  }

  @Override
  public String connectionString() {
    return server.connectionString("127.0.0.1");
  }

  @Override
  public Map<String, String> environment() {
    return environment;
  }

  @Override
  public void kill() {
    server.close();
  }

  @Override
  public void restart() {
    server = launch(port);
  }

  @Override
  public void close() {
    server.close();
    ServerProcess.remove(folder);
  }
}
