// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static io.transferengine.TestEngine.assertCompleted;
import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.testkit.Needs;
import io.transferengine.testkit.Pattern;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.Operation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A peer on another host, as far as the network goes: what names mean there and here differs. */
@Timeout(120)
class NetworkNamespaceTest {
  private static final String ID = Long.toString(ProcessHandle.current().pid() % 100_000);
  private static final String SPACE = "te-" + ID;
  private static final String HERE = "tea" + ID;
  private static final String THERE = "teb" + ID;
  private static final List<String> INSIDE = List.of("ip", "netns", "exec", SPACE);
  private static final int LENGTH = 1 << 20;

  @BeforeAll
  static void makeNamespace() throws Exception {
    Needs.that(hasIp(), "no command ip: install the package iproute2");
    Needs.ofMachine(mayMakeNamespaces(), "network namespaces need root (CAP_SYS_ADMIN)");
    assertThat(ip("netns add " + SPACE)).isTrue();
    for (String step :
        List.of(
            "link add " + HERE + " type veth peer name " + THERE,
            "link set " + THERE + " netns " + SPACE,
            "addr add 10.77.0.1/24 dev " + HERE,
            "addr add fd77::1/64 dev " + HERE + " nodad",
            "addr add fe80::1/64 dev " + HERE + " nodad",
            "link set " + HERE + " up",
            "-n " + SPACE + " link set lo up",
            "-n " + SPACE + " addr add 10.77.0.2/24 dev " + THERE,
            "-n " + SPACE + " addr add fd77::2/64 dev " + THERE + " nodad",
            "-n " + SPACE + " addr add fe80::2/64 dev " + THERE + " nodad",
            "-n " + SPACE + " link set " + THERE + " up")) {
      assertThat(ip(step)).as("ip " + step).isTrue();
    }
  }

  @AfterAll
  static void removeNamespace() throws Exception {
    if (hasIp()) {
      boolean _ = ip("link del " + HERE);
      boolean _ = ip("netns del " + SPACE);
    }
  }

  private static boolean hasIp() throws InterruptedException {
    try {
      return new ProcessBuilder("ip", "-V").start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  /** Asks the kernel, without iproute2. */
  private static boolean mayMakeNamespaces() throws IOException, InterruptedException {
    return new ProcessBuilder("unshare", "--net", "--mount", "true").start().waitFor() == 0;
  }

  private static boolean ip(String arguments) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(("ip " + arguments).split(" ", -1)).redirectErrorStream(true).start();
    String said =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    if (process.waitFor() != 0) {
      System.err.println("ip " + arguments + ": " + said);
      return false;
    }
    return true;
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
  void aPeerThatCallsItselfLocalhostIsReachedWhereItAnsweredAlthoughWeHaveTheSamePorts() {
    Map<String, String> ports = Map.of("TE_RPC_PORT", "15555", "TE_DATA_PORT", "15556");
    try (PeerProcess there = PeerProcess.start(INSIDE, ports);
        TestEngine here =
            new TestEngine(LENGTH, builder -> builder.rpcPort(15_555).dataPort(15_556))) {
      there.initialize("localhost");
      assertMovesBothWays(here, there, "10.77.0.2:15555");
    }
  }

  @Test
  void peersOfALinkReachEachOtherThoughTheirInterfacesHaveOtherNames() {
    try (PeerProcess there = PeerProcess.start(INSIDE, Map.of("TE_RPC_PORT", "15557"));
        TestEngine here = new TestEngine(LENGTH)) {
      there.initialize("fe80::2%" + THERE);
      assertMovesBothWays(here, there, "[fe80::2%" + HERE + "]:15557");
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
      try (PeerProcess both = PeerProcess.start(INSIDE, Map.of("MC_USE_IPV6", "1"))) {
        both.register("both", service);
        assertMovesBothWays(here, both, "both");
      }
      // A host without IPv4 has nothing else to tell.
      assertThat(ip("-n " + SPACE + " addr del 10.77.0.2/24 dev " + THERE)).isTrue();
      try (PeerProcess six = PeerProcess.start(INSIDE, Map.of())) {
        six.register("six", service);
        assertMovesBothWays(here, six, "six");
      } finally {
        assertThat(ip("-n " + SPACE + " addr add 10.77.0.2/24 dev " + THERE)).isTrue();
      }
    }
  }
}
