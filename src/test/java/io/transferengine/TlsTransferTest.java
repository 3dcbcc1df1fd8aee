// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import io.transferengine.transfer.TlsMode;
import io.transferengine.transfer.TlsProvider;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Two processes that trust one authority move bytes over TLS, both ways. */
@Timeout(120)
class TlsTransferTest {
  private static final int BYTES = 8 << 20;

  @TempDir private static Path folder;
  private static Identity ours;
  private static final Map<TlsProvider, PeerProcess> PEERS = new EnumMap<>(TlsProvider.class);

  @BeforeAll
  static void start() {
    TestAuthority authority = new TestAuthority(folder, "authority");
    ours = authority.loopback("here");
    Map<String, String> theirs = authority.loopback("there").variables();
    for (TlsProvider provider : List.of(TlsProvider.JDK, TlsProvider.BORINGSSL)) {
      Map<String, String> variables = new HashMap<>(theirs);
      variables.put("TE_TLS_PROVIDER", provider.name().toLowerCase(Locale.ROOT));
      PEERS.put(provider, PeerProcess.initialized(variables));
    }
  }

  @AfterAll
  static void stop() {
    PEERS.values().forEach(PeerProcess::close);
    PEERS.clear();
  }

  /** With the TLS of the JDK, which needs nothing else. */
  static EngineConfig.Builder with(EngineConfig.Builder builder, Identity identity) {
    return builder
        .tls(TlsMode.REQUIRED)
        .tlsProvider(TlsProvider.JDK)
        .tlsCert(identity.certificate().toString())
        .tlsKey(identity.key().toString())
        .tlsCa(identity.authority().toString());
  }

  /** Each kernel interface, and each TLS on either side. */
  @ParameterizedTest
  @CsvSource({
    "AUTO, JDK, JDK", "NIO, JDK, JDK", "IO_URING, JDK, JDK",
    "AUTO, BORINGSSL, BORINGSSL", "NIO, BORINGSSL, BORINGSSL", "IO_URING, BORINGSSL, BORINGSSL",
    "AUTO, JDK, BORINGSSL", "AUTO, BORINGSSL, JDK"
  })
  void bytesArriveBothWaysInBlocksOfAnySize(TcpIo io, TlsProvider here, TlsProvider there) {
    PeerProcess peer = Objects.requireNonNull(PEERS.get(there));
    long remote = peer.allocate(BYTES);
    peer.zero(remote, BYTES);
    try (TestEngine engine =
        new TestEngine(
            BYTES,
            builder ->
                with(builder, ours).tlsProvider(here).tcpIo(io).transferTimeoutSeconds(60))) {
      byte[] sent = TestEngine.random(7, BYTES);
      engine.put(0, sent);
      TestEngine.assertCompleted(engine.submit(Operation.WRITE, peer.name(), remote, BYTES));
      engine.memory.fill((byte) 0);
      TestEngine.assertCompleted(engine.submit(Operation.READ, peer.name(), remote, BYTES));
      assertThat(engine.bytes(0, BYTES)).isEqualTo(sent);

      for (int length : new int[] {1, 100, 4096, 40_000, 80_000}) {
        BlockColumns blocks = apart(engine.address(), remote, length, 50);
        engine.put(0, TestEngine.random(length, BYTES));
        byte[] before = engine.bytes(0, 50 * 2 * length);
        TestEngine.assertCompleted(engine.submit(Operation.WRITE, peer.name(), blocks));
        engine.memory.fill((byte) 0);
        TestEngine.assertCompleted(engine.submit(Operation.READ, peer.name(), blocks));
        byte[] after = engine.bytes(0, 50 * 2 * length);
        for (int at = 0; at < after.length; at++) {
          byte expected = at / length % 2 == 0 ? before[at] : 0;
          if (after[at] != expected) {
            assertThat(after[at]).as("byte %d of blocks of %d", at, length).isEqualTo(expected);
          }
        }
      }
      assertThat(engine.count(Counter.TLS_PEERS_REFUSED)).isZero();
      assertThat(engine.count(Counter.CONNECTIONS_LOST)).isZero();
    }
  }

  /** Every other range of so many bytes. */
  private static BlockColumns apart(long local, long remote, int length, int count) {
    long[] locals = new long[count];
    long[] remotes = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      locals[i] = local + 2L * i * length;
      remotes[i] = remote + 2L * i * length;
      lengths[i] = length;
    }
    return BlockColumns.of(locals, remotes, lengths);
  }
}
