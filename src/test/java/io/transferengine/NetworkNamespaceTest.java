// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.cli.bench.FreePorts;
import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.NetworkSpace;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.Operation;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A peer on another host, as far as the network goes: what names mean there and here differs. */
@Timeout(120)
class NetworkNamespaceTest {
  private static final int LENGTH = 1 << 20;
  private static @Nullable NetworkSpace made;

  @BeforeAll
  static void makeNamespace() throws Exception {
    Needs.that(NetworkSpace.hasIp(), "no command ip: install the package iproute2");
    Needs.ofMachine(NetworkSpace.mayMake(), "network namespaces need root (CAP_SYS_ADMIN)");
    made = new NetworkSpace(77);
  }

  @AfterAll
  static void removeNamespace() throws Exception {
    if (made != null) {
      made.remove();
    }
  }

  private static NetworkSpace space() {
    return requireNonNull(made);
  }

  private static void assertMovesBothWays(TestEngine here, PeerProcess there, String name) {
    long remote = there.allocate(LENGTH);
    Pattern.fill(here.memory, 7, 0);
    assertCompleted(here.submit(Operation.WRITE, name, remote, LENGTH));
    assertThat(there.mismatch(remote, LENGTH, 7)).isEqualTo(-1);
    there.fill(remote, LENGTH, 8);
    assertCompleted(here.submit(Operation.READ, name, remote, LENGTH));
    assertThat(Pattern.firstMismatch(here.memory, 8, 0)).isEqualTo(-1);
    here.engine.probe(name);
  }

  @Test
  void aPeerThatCallsItselfLocalhostIsReachedWhereItAnsweredAlthoughWeHaveTheSamePorts()
      throws Exception {
    int rpcPort = FreePorts.next();
    int dataPort = FreePorts.next();
    Map<String, String> ports = Map.of("TE_RPC_PORT", "" + rpcPort, "TE_DATA_PORT", "" + dataPort);
    try (PeerProcess there = PeerProcess.start(space().inside(), ports);
        TestEngine here =
            new TestEngine(LENGTH, builder -> builder.rpcPort(rpcPort).dataPort(dataPort))) {
      there.initialize("localhost");
      assertMovesBothWays(here, there, "10.77.0.2:" + rpcPort);
    }
  }

  @Test
  void peersOfALinkReachEachOtherThoughTheirInterfacesHaveOtherNames() {
    try (PeerProcess there = PeerProcess.start(space().inside(), Map.of("TE_RPC_PORT", "15557"));
        TestEngine here = new TestEngine(LENGTH)) {
      there.initialize("fe80::2%" + space().there());
      assertMovesBothWays(here, there, "[fe80::2%" + space().here() + "]:15557");
    }
  }

  @Test
  void aHostIsFoundByAnAddressThatOthersCanUse() throws Exception {
    try (HttpMetadataServer server = HttpMetadataServer.start("::", 0);
        TestEngine here =
            new TestEngine(
                LENGTH,
                builder -> EngineConfigs.named("here", server.connectionString("127.0.0.1")))) {
      String service = server.connectionString("fd77::1");
      try (PeerProcess both = PeerProcess.start(space().inside(), Map.of("MC_USE_IPV6", "1"))) {
        both.register("both", service);
        assertMovesBothWays(here, both, "both");
      }
      // A host without IPv4 has nothing else to tell.
      assertThat(
              NetworkSpace.ip(
                  "-n " + space().name() + " addr del 10.77.0.2/24 dev " + space().there()))
          .isTrue();
      try (PeerProcess six = PeerProcess.start(space().inside(), Map.of())) {
        six.register("six", service);
        assertMovesBothWays(here, six, "six");
      } finally {
        assertThat(
                NetworkSpace.ip(
                    "-n " + space().name() + " addr add 10.77.0.2/24 dev " + space().there()))
            .isTrue();
      }
    }
  }
}
