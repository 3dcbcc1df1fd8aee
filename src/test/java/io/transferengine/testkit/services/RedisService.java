// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A redis server that keeps nothing on disk. */
public final class RedisService implements TestService {
  private final int port = ServerProcess.freePort();
  private final Map<String, String> environment = new HashMap<>();
  private final String scheme;
  private final ServerProcess server;

  private RedisService(boolean secured) {
    ServerProcess.need("redis-server", "redis-server");
    Path folder = ServerProcess.newFolder("redis");
    List<String> command =
        new ArrayList<>(
            List.of("redis-server", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"));
    if (secured) {
      scheme = "rediss";
      TestCertificate certificate = new TestCertificate(folder);
      environment.put("MC_REDIS_PASSWORD", "a secret");
      environment.put("MC_REDIS_DB_INDEX", "3");
      environment.put("TE_METADATA_TLS_CA", certificate.certificateFile());
      environment.put("TE_METADATA_TLS_CERT", certificate.certificateFile());
      environment.put("TE_METADATA_TLS_KEY", certificate.keyFile());
      command.addAll(
          List.of(
              "--port", "0",
              "--tls-port", Integer.toString(port),
              "--tls-cert-file", certificate.certificateFile(),
              "--tls-key-file", certificate.keyFile(),
              "--tls-ca-cert-file", certificate.certificateFile(),
              "--tls-auth-clients", "yes",
              "--requirepass", "a secret"));
    } else {
      scheme = "redis";
      command.addAll(List.of("--port", Integer.toString(port)));
    }
    server = new ServerProcess(command, folder, port);
  }

  /** Starts one that anybody may use. */
  public static RedisService plain() {
    return new RedisService(false);
  }

  /** Starts one with a password, TLS that wants our certificate, and another database. */
  public static RedisService secured() {
    return new RedisService(true);
  }

  @Override
  public String connectionString() {
    return scheme + "://127.0.0.1:" + port;
  }

  @Override
  public Map<String, String> environment() {
    return environment;
  }

  @Override
  public void kill() {
    server.kill();
  }

  @Override
  public void restart() {
    server.restart();
  }

  @Override
  public void close() {
    server.close();
  }
}
