// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.Strangers.Door;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.tls.PemFiles;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.file.Path;
import java.security.Principal;
import java.security.PrivateKey;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.X509ExtendedKeyManager;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A crowd of TLS handshakes from one address keeps nobody else's waiting. */
@Timeout(120)
class TlsTurnsTest {
  /** As many as may come from one address, and more. */
  private static final int CROWD = 400;

  @TempDir private static Path folder;
  private static Identity identity;

  @BeforeAll
  static void certificate() {
    identity = new TestAuthority(folder, "authority").loopback("engine");
  }

  /** Stands for the work of a handshake: each step of it ends when the test says so. */
  private static final class SlowKeys extends X509ExtendedKeyManager {
    private final X509ExtendedKeyManager keys;
    final Semaphore steps = new Semaphore(0);
    final AtomicInteger begun = new AtomicInteger();

    SlowKeys(X509ExtendedKeyManager keys) {
      this.keys = keys;
    }

    private void step() {
      begun.incrementAndGet();
      steps.acquireUninterruptibly();
    }

    @Override
    public String chooseEngineServerAlias(
        String type, Principal @Nullable [] issuers, SSLEngine engine) {
      step();
      return keys.chooseEngineServerAlias(type, issuers, engine);
    }

    @Override
    public String chooseServerAlias(String type, Principal @Nullable [] issuers, Socket socket) {
      step();
      return keys.chooseServerAlias(type, issuers, socket);
    }

    @Override
    public String chooseClientAlias(String[] types, Principal @Nullable [] issuers, Socket socket) {
      return keys.chooseClientAlias(types, issuers, socket);
    }

    @Override
    public String[] getClientAliases(String type, Principal @Nullable [] issuers) {
      return keys.getClientAliases(type, issuers);
    }

    @Override
    public String[] getServerAliases(String type, Principal @Nullable [] issuers) {
      return keys.getServerAliases(type, issuers);
    }

    @Override
    public X509Certificate[] getCertificateChain(String alias) {
      return keys.getCertificateChain(alias);
    }

    @Override
    public PrivateKey getPrivateKey(String alias) {
      return keys.getPrivateKey(alias);
    }
  }

  @ParameterizedTest
  @EnumSource(Door.class)
  void whoComesFromElsewhereHasATurn(Door door) throws Exception {
    SlowKeys keys =
        new SlowKeys(
            (X509ExtendedKeyManager)
                PemFiles.keyManagers(
                    PemFiles.certificates("test", identity.certificate().toString()),
                    PemFiles.privateKey("test", identity.key().toString()))[0]);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(
        new KeyManager[] {keys},
        PemFiles.trustManagers(PemFiles.certificates("test", identity.authority().toString())),
        null);
    List<Socket> crowd = new ArrayList<>();
    try (TestEngine target =
        new TestEngine(
            4096, builder -> builder.sslContext(context).tlsPlainPeers(HonestPeers.PLAIN_FROM))) {
      try {
        aNewcomerHasATurn(door, target, keys, crowd);
      } finally {
        keys.steps.release(1 << 20);
      }
    } finally {
      for (Socket socket : crowd) {
        socket.close();
      }
    }
  }

  private static void aNewcomerHasATurn(
      Door door, TestEngine target, SlowKeys keys, List<Socket> crowd) throws Exception {
    int rpcPort = target.engine.rpcPort();
    int port = door == Door.DATA ? RawInitiator.dataPort(HonestPeers.PLAIN_FROM, rpcPort) : rpcPort;
    byte[] hello = Strangers.hello(identity.context());
    for (int i = 0; i < CROWD; i++) {
      Socket stranger = connect("127.0.0.2", port);
      crowd.add(stranger);
      stranger.getOutputStream().write(hello);
    }
    // On both ports a connection has its turn or waits for it once its hello is there.
    Awaitility.await()
        .until(
            () ->
                keys.begun.get() + target.count(Counter.TLS_HANDSHAKES_WAITED) >= CROWD
                    && keys.begun.get() > 0);
    int atOnce = keys.begun.get();
    assertThat(atOnce).isLessThanOrEqualTo(Runtime.getRuntime().availableProcessors());

    Socket plain = connect("127.0.0.4", port);
    crowd.add(plain);
    SSLSocket honest =
        (SSLSocket)
            identity.context().getSocketFactory().createSocket(plain, "127.0.0.1", port, false);
    CompletableFuture<Boolean> shaken =
        CompletableFuture.supplyAsync(
            () -> {
              try {
                honest.startHandshake();
                return true;
              } catch (Exception e) {
                throw new AssertionError(e);
              }
            });
    Awaitility.await()
        .until(() -> keys.begun.get() + target.count(Counter.TLS_HANDSHAKES_WAITED) >= CROWD + 1L);
    int steps = 0;
    while (!shaken.isDone()) {
      int before = keys.begun.get();
      keys.steps.release();
      steps++;
      Awaitility.await().until(() -> shaken.isDone() || keys.begun.get() > before);
    }
    assertThat(shaken.get(20, TimeUnit.SECONDS)).isTrue();
    assertThat(steps).as("steps of anybody until then").isLessThanOrEqualTo(8 * (atOnce + 1));
  }

  private static Socket connect(String from, int port) throws Exception {
    Socket socket = new Socket();
    socket.bind(new InetSocketAddress(from, 0));
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
    socket.setSoTimeout(20_000);
    return socket;
  }
}
