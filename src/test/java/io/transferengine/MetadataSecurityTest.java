// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.testkit.services.EtcdService;
import io.transferengine.testkit.services.OwnHttpService;
import io.transferengine.testkit.services.RedisService;
import io.transferengine.testkit.services.TestService;
import io.transferengine.transfer.ConfigurationException;
import io.transferengine.transfer.TransferException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Passwords and certificates that are wrong or missing give an error that says so. */
@Timeout(120)
class MetadataSecurityTest {
  private static AbstractThrowableAssert<?, ? extends Throwable> assertRefused(
      TestService service, Map<String, String> changes) {
    Map<String, String> environment = new HashMap<>(service.environment());
    environment.putAll(changes);
    return assertThatThrownBy(
            () ->
                Engine.open(
                        EngineConfigs.named("a", service.connectionString(), environment).build())
                    .close())
        .isInstanceOf(TransferException.class);
  }

  @Test
  void redisRefusesAWrongPassword() {
    try (TestService service = RedisService.secured()) {
      assertRefused(service, Map.of("MC_REDIS_PASSWORD", "wrong"))
          .hasMessageContainingAll("WRONGPASS", "MC_REDIS_PASSWORD");
      assertRefused(service, Map.of("MC_REDIS_PASSWORD", ""))
          .hasMessageContainingAll("NOAUTH", "MC_REDIS_PASSWORD");
    }
  }

  @Test
  void etcdRefusesAWrongPassword() {
    try (TestService service = EtcdService.secured()) {
      assertRefused(service, Map.of("TE_ETCD_PASSWORD", "wrong"))
          .hasMessageContaining("authentication failed");
      assertRefused(service, Map.of("TE_ETCD_USERNAME", "")).hasMessageContaining("user name");
    }
  }

  @Test
  void aCertificateThatNobodyVouchesForIsRefused() {
    try (TestService http = OwnHttpService.secured();
        TestService redis = RedisService.secured();
        TestService etcd = EtcdService.secured()) {
      for (TestService service : new TestService[] {http, redis, etcd}) {
        assertRefused(service, Map.of("TE_METADATA_TLS_CA", ""))
            .hasMessageContaining("certification path");
      }
    }
  }

  @Test
  void onASlowMachineACertificateIsRefusedForWhatItIs() throws IOException {
    try (TestService http = OwnHttpService.secured();
        SlowProxy slow = new SlowProxy(portOf(http.connectionString()), 3200)) {
      String address = "https://127.0.0.1:" + slow.port() + "/metadata";
      assertThatThrownBy(
              () ->
                  Engine.open(
                          EngineConfigs.named("a", address, Map.of("TE_METADATA_TLS_CA", ""))
                              .build())
                      .close())
          .isInstanceOf(TransferException.class)
          .hasMessageContainingAll("certification path", "TE_METADATA_TLS_CA");
    }
  }

  private static int portOf(String address) {
    return java.net.URI.create(address).getPort();
  }

  /** Passes bytes on, the first of the server after a while: longer than a request may take. */
  private static final class SlowProxy implements AutoCloseable {
    private final ServerSocket listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());

    SlowProxy(int target, long delayMillis) throws IOException {
      Thread.ofVirtual()
          .start(
              () -> {
                while (!listener.isClosed()) {
                  try {
                    Socket client = listener.accept();
                    Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
                    pass(client, server, 0);
                    pass(server, client, delayMillis);
                  } catch (IOException e) {
                    // The test is over.
                  }
                }
              });
    }

    private static void pass(Socket from, Socket to, long delayMillis) {
      Thread.ofVirtual()
          .start(
              () -> {
                try (from;
                    to) {
                  byte[] bytes = new byte[8192];
                  int count = from.getInputStream().read(bytes);
                  Thread.sleep(delayMillis);
                  for (; count > 0; count = from.getInputStream().read(bytes)) {
                    to.getOutputStream().write(bytes, 0, count);
                  }
                } catch (IOException | InterruptedException e) {
                  // One of them has gone.
                }
              });
    }

    int port() {
      return listener.getLocalPort();
    }

    @Override
    public void close() throws IOException {
      listener.close();
    }
  }

  @Test
  void filesThatAreNoneAreNamed(@TempDir Path folder) throws IOException {
    Path garbage = Files.writeString(folder.resolve("garbage.pem"), "garbage");
    try (TestService service = OwnHttpService.secured()) {
      assertRefused(service, Map.of("TE_METADATA_TLS_CA", "/no/such/file"))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("TE_METADATA_TLS_CA", "/no/such/file");
      assertRefused(service, Map.of("TE_METADATA_TLS_CA", garbage.toString()))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("TE_METADATA_TLS_CA", garbage.toString());
      assertRefused(service, Map.of("TE_METADATA_TLS_KEY", garbage.toString()))
          .hasMessageContaining("TE_METADATA_TLS_CERT");
      assertRefused(
              service,
              Map.of(
                  "TE_METADATA_TLS_CERT",
                  service.environment().getOrDefault("TE_METADATA_TLS_CA", ""),
                  "TE_METADATA_TLS_KEY",
                  garbage.toString()))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContainingAll("TE_METADATA_TLS_KEY", "PKCS #8");
    }
  }
}
