// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.access.AccessPolicy;
import io.transferengine.access.PeerIdentity;
import io.transferengine.access.RegisteredRange;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.TestAuthority;
import io.transferengine.testkit.TestAuthority.Identity;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedEngine.Started;
import io.transferengine.verbs.SimulatedFabric;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Whom the caller's policy is asked about before a peer gets a connection over RDMA: whoever its
 * Connection message, or its answer to ours, proves it to be.
 */
@Timeout(120)
class RdmaIdentityTest {
  private static final int SIZE = 1 << 12;
  private static final InetAddress HERE = InetAddress.ofLiteral("127.0.0.1");

  @TempDir private static Path folder;
  private static Identity node1;
  private static Identity node2;

  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));
  private final Policy policy = new Policy();

  @BeforeAll
  static void certificates() {
    TestAuthority authority = new TestAuthority(folder, "authority");
    node1 = authority.issue("node1", "-ext", "san=ip:127.0.0.1,dns:node1");
    node2 = authority.issue("node2", "-ext", "san=ip:127.0.0.1,dns:node2");
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(fabric.violations()).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
  }

  /** Lets in only who has proved a name; keeps whom it was asked about. */
  private static final class Policy implements AccessPolicy {
    final Set<PeerIdentity> asked = ConcurrentHashMap.newKeySet();
    volatile String allowed = "node2";

    @Override
    public boolean mayRead(PeerIdentity peer, RegisteredRange memory) {
      asked.add(peer);
      return peer.names().contains(allowed);
    }

    @Override
    public boolean mayWrite(PeerIdentity peer, RegisteredRange memory) {
      return mayRead(peer, memory);
    }
  }

  private SimulatedEngine guarded(Map<String, String> options) {
    return new SimulatedEngine(
        fabric.process("guarded", List.of("sim0")),
        List.of("sim0"),
        options,
        0,
        Optional.of(policy));
  }

  private SimulatedEngine peer(Map<String, String> options) {
    Map<String, String> all = new HashMap<>(options);
    all.put("TE_RDMA_TO_TCP_SECONDS", "1");
    return new SimulatedEngine(fabric.process("peer", List.of("sim0")), List.of("sim0"), all);
  }

  private static Map<String, String> exceptHere(Identity identity) {
    Map<String, String> variables = new HashMap<>(identity.variables());
    variables.put("TE_TLS_PLAIN_PEERS", "127.0.0.1");
    return variables;
  }

  private static Started write(
      SimulatedEngine from, MemorySegment source, SimulatedEngine to, MemorySegment target) {
    return from.write(to, BlockColumns.of(source.address(), target.address(), SIZE));
  }

  private static void completes(Started started) throws Exception {
    assertThat(started.await().state()).isEqualTo(TransferState.COMPLETED);
  }

  private static void goesElsewhere(SimulatedEngine peer, Started started) {
    await().until(() -> peer.handedOver().contains(started.task()));
  }

  private static PeerIdentity proved(String name) {
    return PeerIdentity.proved(HERE, List.of("127.0.0.1", name));
  }

  @Test
  void whoAsksIsWhatItHasProved() throws Exception {
    try (SimulatedEngine guarded = guarded(node1.variables());
        SimulatedEngine peer = peer(node2.variables())) {
      MemorySegment theirs = guarded.register(SIZE);
      completes(write(peer, peer.register(SIZE).fill((byte) 3), guarded, theirs));
      assertThat(theirs.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 3);
      assertThat(policy.asked).containsExactly(proved("node2"));
    }
  }

  @Test
  void whoProvesAnotherNameGetsNoConnection() {
    policy.allowed = "node3";
    try (LogCapture log = new LogCapture();
        SimulatedEngine guarded = guarded(node1.variables());
        SimulatedEngine peer = peer(node2.variables())) {
      MemorySegment theirs = guarded.register(SIZE);
      peer.takeTasks();
      goesElsewhere(peer, write(peer, peer.register(SIZE), guarded, theirs));
      assertThat(policy.asked).containsExactly(proved("node2"));
      assertThat(log.warnings())
          .anyMatch(line -> line.startsWith("Refused 127.0.0.1, node2 at 127.0.0.1: an RDMA"));
    }
  }

  /** It answers our message, and reaches our memory over the connection that this makes. */
  @Test
  void whoAnswersIsWhatItHasProved() throws Exception {
    try (SimulatedEngine guarded = guarded(node1.variables());
        SimulatedEngine peer = peer(node2.variables())) {
      MemorySegment theirs = guarded.register(SIZE);
      MemorySegment ours = peer.register(SIZE);
      completes(write(guarded, theirs, peer, ours));
      assertThat(policy.asked).containsExactly(proved("node2"));
      completes(write(peer, ours.fill((byte) 4), guarded, theirs));
      assertThat(theirs.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 4);
    }
  }

  /** With or without certificates of its own. */
  @Test
  void whoIsListedAsPlainHasProvedNothing() {
    for (Map<String, String> options : List.of(exceptHere(node2), Map.<String, String>of())) {
      policy.asked.clear();
      try (LogCapture _ = new LogCapture();
          SimulatedEngine guarded = guarded(exceptHere(node1));
          SimulatedEngine peer = peer(options)) {
        MemorySegment theirs = guarded.register(SIZE);
        peer.takeTasks();
        goesElsewhere(peer, write(peer, peer.register(SIZE), guarded, theirs));
        assertThat(policy.asked).containsExactly(PeerIdentity.unproved(HERE));
      }
    }
  }
}
