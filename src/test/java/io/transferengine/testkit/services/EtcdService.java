// SPDX-License-Identifier: Apache-2.0
package io.transferengine.testkit.services;

import io.etcd.jetcd.Auth;
import io.etcd.jetcd.ByteSequence;
import io.etcd.jetcd.Client;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.net.ssl.SSLException;

/** An etcd of one node or more; what it holds survives a kill. */
public final class EtcdService implements TestService {
  private static final String PASSWORD = "a secret";

  private final List<Integer> ports = new ArrayList<>();
  private final List<ServerProcess> nodes = new ArrayList<>();
  private final Map<String, String> environment = new HashMap<>();

  private EtcdService(int nodeCount, boolean secured) {
    ServerProcess.need("etcd", "etcd-server");
    List<Integer> peerPorts = new ArrayList<>();
    for (int i = 0; i < nodeCount; i++) {
      ports.add(ServerProcess.freePort());
      peerPorts.add(ServerProcess.freePort());
    }
    String cluster =
        IntStream.range(0, nodeCount)
            .mapToObj(i -> "n" + i + "=http://127.0.0.1:" + peerPorts.get(i))
            .collect(Collectors.joining(","));
    try {
      for (int i = 0; i < nodeCount; i++) {
        nodes.add(node(i, peerPorts.get(i), cluster, secured));
      }
    } catch (Throwable t) {
      nodes.forEach(ServerProcess::close);
      throw t;
    }
  }

  private ServerProcess node(int index, int peerPort, String cluster, boolean secured) {
    Path folder = ServerProcess.newFolder("etcd");
    String client = (secured ? "https" : "http") + "://127.0.0.1:" + ports.get(index);
    String peer = "http://127.0.0.1:" + peerPort;
    List<String> command =
        new ArrayList<>(
            List.of(
                "etcd",
                "--name",
                "n" + index,
                "--data-dir",
                folder.resolve("data").toString(),
                "--listen-client-urls",
                client,
                "--advertise-client-urls",
                client,
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                cluster,
                "--unsafe-no-fsync",
                "--log-level",
                "warn"));
    if (secured) {
      TestCertificate certificate = new TestCertificate(folder);
      environment.put("TE_ETCD_TLS", "1");
      environment.put("TE_METADATA_TLS_CA", certificate.certificateFile());
      environment.put("TE_ETCD_USERNAME", "root");
      environment.put("TE_ETCD_PASSWORD", PASSWORD);
      command.addAll(
          List.of(
              "--cert-file", certificate.certificateFile(),
              "--key-file", certificate.keyFile()));
    }
    return new ServerProcess(command, folder, ports.get(index));
  }

  /** Starts one node. */
  public static EtcdService single() {
    return new EtcdService(1, false);
  }

  /** Starts three. */
  public static EtcdService cluster() {
    return new EtcdService(3, false);
  }

  /** Starts one node with TLS, and a password for root. */
  public static EtcdService secured() {
    EtcdService made = new EtcdService(1, true);
    try {
      made.enableAuthentication();
      return made;
    } catch (Throwable t) {
      made.close();
      throw t;
    }
  }

  private void enableAuthentication() {
    File ca = new File(environment.getOrDefault("TE_METADATA_TLS_CA", ""));
    ByteSequence root = ByteSequence.from("root", StandardCharsets.UTF_8);
    try (Client client =
        Client.builder()
            .endpoints("https://127.0.0.1:" + ports.getFirst())
            .sslContext(tls -> tls.trustManager(ca))
            .build()) {
      Auth auth = client.getAuthClient();
      auth.userAdd(root, ByteSequence.from(PASSWORD, StandardCharsets.UTF_8))
          .get(30, TimeUnit.SECONDS);
      auth.roleAdd(root).get(30, TimeUnit.SECONDS);
      auth.userGrantRole(root, root).get(30, TimeUnit.SECONDS);
      auth.authEnable().get(30, TimeUnit.SECONDS);
    } catch (SSLException e) {
      throw new IllegalStateException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (java.util.concurrent.ExecutionException | java.util.concurrent.TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public String connectionString() {
    return ports.stream()
        .map(port -> "127.0.0.1:" + port)
        .collect(Collectors.joining(";", "etcd://", ""));
  }

  @Override
  public Map<String, String> environment() {
    return environment;
  }

  /** Kills one of the nodes. */
  public void kill(int node) {
    nodes.get(node).kill();
  }

  /** Starts a node that was killed. */
  public void restart(int node) {
    nodes.get(node).restart();
  }

  @Override
  public void kill() {
    nodes.forEach(ServerProcess::kill);
  }

  @Override
  public void restart() {
    nodes.forEach(ServerProcess::restart);
  }

  @Override
  public void close() {
    nodes.forEach(ServerProcess::close);
  }
}
