// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static io.transferengine.TestEngine.assertFailed;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.NetworkSpace;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.LocalMode;
import io.transferengine.transfer.Operation;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Copies from and to a process of this machine that is in namespaces of its own, as in a container:
 * mounts and networks do not matter, numbers of processes do.
 */
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class LocalNamespacesTest {
  private static final int BYTES = 3_000_001;
  private static final String TRANSPORT = "io.transferengine.transport.local.LocalTransport";
  private static final List<String> MOUNTS = List.of("unshare", "--mount");
  private static final List<String> PIDS =
      List.of("unshare", "--pid", "--fork", "--kill-child", "--mount-proc");
  private static final Map<String, String> AUTO = Map.of("TE_LOCAL", "auto");
  private static final Map<String, String> REQUIRED = Map.of("TE_LOCAL", "required");
  private static final String HERE = "10.78.0.1";
  private static final String THERE = "10.78.0.2";
  private static @Nullable NetworkSpace made;

  /** Where it can be had, as on the build server, nothing is skipped. */
  @BeforeAll
  static void makeNamespace() throws Exception {
    Needs.that(NetworkSpace.hasIp(), "no command ip: install the package iproute2");
    Needs.that(NetworkSpace.mayMake(), "namespaces need root (CAP_SYS_ADMIN)");
    made = new NetworkSpace(78);
  }

  @AfterAll
  static void removeNamespace() throws Exception {
    if (made != null) {
      made.remove();
    }
  }

  private static List<String> inOtherNetwork(List<String> launcher) {
    List<String> all = new ArrayList<>(requireNonNull(made).inside());
    all.addAll(launcher);
    return all;
  }

  private static TestEngine engine(LocalMode mode) {
    return new TestEngine(BYTES, builder -> builder.local(mode));
  }

  /** Reached by the address of the link. */
  private static TestEngine linked(LocalMode mode) {
    return new TestEngine(
        BYTES,
        _ ->
            EngineConfig.builder(HERE)
                .metadataServer("P2PHANDSHAKE")
                .protocol("tcp")
                .listenAddress(HERE)
                .local(mode));
  }

  private static PeerProcess linkedPeer(List<String> launcher, Map<String, String> environment) {
    PeerProcess peer = PeerProcess.start(inOtherNetwork(launcher), environment);
    try {
      peer.initialize(THERE);
      return peer;
    } catch (Throwable t) {
      peer.close();
      throw t;
    }
  }

  /** Each of both sides begins. */
  private static void assertMovesBothWays(TestEngine ours, PeerProcess peer) {
    long there = peer.map(BYTES);
    assertThat(peer.call("registerMemory", there, (long) BYTES)).isZero();
    Pattern.fill(ours.memory, 1, 0);
    assertCompleted(ours.submit(Operation.WRITE, peer.name(), there, BYTES));
    assertThat(peer.mismatch(there, BYTES, 1)).isEqualTo(-1);
    peer.fill(there, BYTES, 2);
    assertCompleted(ours.submit(Operation.READ, peer.name(), there, BYTES));
    assertThat(Pattern.firstMismatch(ours.memory, 2, 0)).isEqualTo(-1);
    String us = ours.engine.segmentName();
    peer.fill(there, BYTES, 3);
    assertThat(peer.call("transferSyncWrite", us, there, ours.address(), (long) BYTES)).isZero();
    assertThat(Pattern.firstMismatch(ours.memory, 3, 0)).isEqualTo(-1);
    peer.zero(there, BYTES);
    assertThat(peer.call("transferSyncRead", us, there, ours.address(), (long) BYTES)).isZero();
    assertThat(peer.mismatch(there, BYTES, 3)).isEqualTo(-1);
  }

  private static void assertCopied(TestEngine ours, PeerProcess peer) {
    assertThat(ours.count(Counter.LOCAL_PEERS)).isEqualTo(1);
    assertThat(ours.count(Counter.LOCAL_PEERS_MISSED)).isZero();
    assertThat(peer.ask("counters")).contains("LOCAL_PEERS=1").doesNotContain("MISSED");
  }

  private static void assertMissed(TestEngine ours, PeerProcess peer, LogCapture log) {
    assertThat(ours.count(Counter.LOCAL_PEERS)).isZero();
    assertThat(ours.count(Counter.LOCAL_PEERS_MISSED)).isEqualTo(1);
    assertThat(peer.ask("counters"))
        .contains("LOCAL_PEERS_MISSED=1")
        .doesNotContain("LOCAL_PEERS=");
    assertThat(
            log.count(
                peer.name()
                    + " is on this machine, but reached over the network: it is in another pid"
                    + " namespace"))
        .isEqualTo(1);
  }

  @Test
  void withMountsOfItsOwnItIsCopiedFrom() {
    try (TestEngine ours = engine(LocalMode.REQUIRED);
        PeerProcess peer = PeerProcess.initialized(PeerProcess.start(MOUNTS, REQUIRED))) {
      assertMovesBothWays(ours, peer);
      assertCopied(ours, peer);
    }
  }

  @Test
  void withMountsAndANetworkOfItsOwnItIsCopiedFrom() {
    try (TestEngine ours = linked(LocalMode.REQUIRED);
        PeerProcess peer = linkedPeer(MOUNTS, REQUIRED)) {
      assertMovesBothWays(ours, peer);
      assertCopied(ours, peer);
    }
  }

  @Test
  void withProcessNumbersOfItsOwnItIsReachedOverTheNetworkWithTheReason() {
    try (LogCapture log = LogCapture.withDebug(TRANSPORT);
        TestEngine ours = engine(LocalMode.AUTO);
        PeerProcess peer = PeerProcess.initialized(PeerProcess.start(PIDS, AUTO))) {
      assertMovesBothWays(ours, peer);
      assertMissed(ours, peer, log);
    }
  }

  @Test
  void withAllNamespacesOfItsOwnItIsReachedOverTheNetworkWithTheReason() {
    try (LogCapture log = LogCapture.withDebug(TRANSPORT);
        TestEngine ours = linked(LocalMode.AUTO);
        PeerProcess peer = linkedPeer(PIDS, AUTO)) {
      assertMovesBothWays(ours, peer);
      assertMissed(ours, peer, log);
    }
  }

  /** No byte goes over the network where that is excluded. */
  @Test
  void whereCopiesAreRequiredAPeerWithOtherProcessNumbersIsNotReached() {
    try (TestEngine ours = engine(LocalMode.REQUIRED);
        PeerProcess peer = PeerProcess.initialized(PeerProcess.start(PIDS, AUTO))) {
      long there = peer.map(BYTES);
      assertThat(peer.call("registerMemory", there, (long) BYTES)).isZero();
      Transfer refused = ours.submit(Operation.WRITE, peer.name(), there, BYTES);
      assertFailed(refused);
      assertThat(refused.failure().orElseThrow())
          .hasMessageContainingAll(peer.name(), "LOCAL is required (TE_LOCAL)");
    }
  }
}
