// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ChecksumMode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TcpIo;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Engines with the same token move bytes, both ways. */
@Timeout(120)
class TokenTransferTest {
  private static final int BYTES = 4 << 20;

  @TempDir private static Path folder;
  private static Path file;
  private static PeerProcess peer;

  @BeforeAll
  static void start() {
    file = TokenFiles.write(folder.resolve("token"), "cluster " + TokenFiles.SECRET);
    peer = PeerProcess.initialized(Map.of("TE_TOKEN_FILE", file.toString()));
  }

  @AfterAll
  static void stop() {
    if (peer != null) {
      peer.close();
    }
  }

  static EngineConfig.Builder with(EngineConfig.Builder builder, Path file) {
    return builder.tokenFile(file.toString());
  }

  @ParameterizedTest
  @EnumSource(
      value = TcpIo.class,
      names = {"AUTO", "NIO", "IO_URING"})
  void bytesArriveBothWaysBetweenProcesses(TcpIo io) {
    long remote = peer.allocate(BYTES);
    peer.zero(remote, BYTES);
    try (TestEngine engine = new TestEngine(BYTES, builder -> with(builder, file).tcpIo(io))) {
      movesBothWays(engine, peer.name(), remote);
      assertThat(engine.count(Counter.TOKEN_PEERS_REFUSED)).isZero();
      assertThat(engine.count(Counter.CONNECTIONS_LOST)).isZero();
    }
  }

  private static void movesBothWays(TestEngine engine, String target, long remote) {
    byte[] sent = TestEngine.random(7, BYTES);
    engine.put(0, sent);
    TestEngine.assertCompleted(engine.submit(Operation.WRITE, target, remote, BYTES));
    engine.memory.fill((byte) 0);
    TestEngine.assertCompleted(engine.submit(Operation.READ, target, remote, BYTES));
    assertThat(engine.bytes(0, BYTES)).isEqualTo(sent);
    engine.put(0, TestEngine.random(8, BYTES));
    byte[] small = engine.bytes(0, 4096 * 100);
    BlockColumns blocks = apart(engine.address(), remote);
    TestEngine.assertCompleted(engine.submit(Operation.WRITE, target, blocks));
    engine.memory.fill((byte) 0);
    TestEngine.assertCompleted(engine.submit(Operation.READ, target, blocks));
    assertThat(engine.bytes(0, 4096)).isEqualTo(Arrays.copyOf(small, 4096));
  }

  private static BlockColumns apart(long local, long remote) {
    int count = 50;
    long[] locals = new long[count];
    long[] remotes = new long[count];
    long[] lengths = new long[count];
    for (int i = 0; i < count; i++) {
      locals[i] = local + 2L * i * 4096;
      remotes[i] = remote + 2L * i * 4096;
      lengths[i] = 4096;
    }
    return BlockColumns.of(locals, remotes, lengths);
  }

  private static void moves(UnaryOperator<EngineConfig.Builder> options) {
    try (TestEngine target = new TestEngine(BYTES, options);
        TestEngine engine = new TestEngine(BYTES, options)) {
      movesBothWays(engine, target.engine.segmentName(), target.address());
      assertThat(target.count(Counter.TOKEN_CONNECTIONS_REFUSED)).isZero();
      assertThat(engine.count(Counter.TOKEN_PEERS_REFUSED)).isZero();
    }
  }

  @Test
  void withChecksums() {
    moves(builder -> with(builder, file).checksum(ChecksumMode.REQUIRE_CRC32C));
  }

  @Test
  void insideTls() {
    TestAuthority authority = new TestAuthority(folder, "authority");
    TestAuthority.Identity identity = authority.loopback("here");
    moves(builder -> with(TlsTransferTest.with(builder, identity), file));
  }

  @Test
  void withAConnectionForEachRequest() {
    moves(builder -> with(builder, file).tcpEnableConnectionPool(false));
  }

  @Test
  void inVersion1() {
    moves(builder -> with(builder, file).tcpProtoVersion(1));
  }

  @Test
  void theNameOfTheTokenIsThatOfThePeer() {
    Set<PeerIdentity> seen = ConcurrentHashMap.newKeySet();
    UnaryOperator<EngineConfig.Builder> options =
        builder ->
            with(builder, file)
                .accessPolicy(
                    new AccessPolicy() {
                      @Override
                      public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
                        var _ = seen.add(peer);
                        return true;
                      }

                      @Override
                      public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
                        var _ = seen.add(peer);
                        return true;
                      }
                    });
    moves(options);
    assertThat(seen).extracting(PeerIdentity::names).containsOnly(List.of("token:cluster"));
  }
}
