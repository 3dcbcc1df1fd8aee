// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.TokenFiles;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedEngine.End;
import io.transferengine.verbs.SimulatedFabric;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Queue pairs are connected only with who has proved the token. */
@Timeout(120)
class RdmaTokenTest {
  private static final int SIZE = 1 << 16;

  @TempDir private Path folder;
  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));

  @AfterEach
  void nothingIsLeft() {
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  private SimulatedEngine engine(String name, String secret) {
    return engine(name, secret, Optional.empty());
  }

  private SimulatedEngine engine(String name, String secret, Optional<AccessPolicy> policy) {
    Path file = TokenFiles.write(folder.resolve(name), "cluster " + secret);
    return new SimulatedEngine(
        fabric.process(name, List.of("sim0")),
        List.of("sim0"),
        Map.of("TE_TOKEN_FILE", file.toString(), "TE_RDMA_TO_TCP_SECONDS", "1"),
        0,
        policy);
  }

  @Test
  void theSameTokenMovesBytes() throws Exception {
    Set<List<String>> seen = ConcurrentHashMap.newKeySet();
    AccessPolicy policy =
        new AccessPolicy() {
          @Override
          public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
            var _ = seen.add(peer.names());
            return true;
          }

          @Override
          public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
            return mayRead(peer, memory);
          }
        };
    try (SimulatedEngine here = engine("here", TokenFiles.SECRET, Optional.of(policy));
        SimulatedEngine there = engine("there", TokenFiles.SECRET, Optional.of(policy))) {
      MemorySegment ours = here.register(SIZE).fill((byte) 1);
      MemorySegment theirs = there.register(SIZE).fill((byte) 2);
      End end = here.write(there, BlockColumns.of(ours.address(), theirs.address(), SIZE)).await();
      assertThat(end.state()).as("%s", end).isEqualTo(TransferState.COMPLETED);
      assertThat(theirs.get(ValueLayout.JAVA_BYTE, SIZE - 1)).isEqualTo((byte) 1);
    }
    assertThat(seen).containsOnly(List.of("token:cluster"));
  }

  @Test
  void anotherTokenGetsNoQueuePair() throws Exception {
    try (SimulatedEngine here = engine("here", TokenFiles.SECRET);
        SimulatedEngine there = engine("there", TokenFiles.OTHER_SECRET)) {
      MemorySegment ours = here.register(SIZE).fill((byte) 1);
      MemorySegment theirs = there.register(SIZE).fill((byte) 2);
      here.takeTasks();
      var _ = here.write(there, BlockColumns.of(ours.address(), theirs.address(), SIZE));
      await().until(() -> !here.handedOver().isEmpty());
      assertThat(theirs.get(ValueLayout.JAVA_BYTE, SIZE - 1)).isEqualTo((byte) 2);
      assertThat(there.metrics().snapshot().get(Counter.TOKEN_CONNECTIONS_REFUSED)).isPositive();
    }
  }
}
