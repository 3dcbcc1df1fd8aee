// SPDX-License-Identifier: Apache-2.0
package io.transferengine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.metadata.server.HttpMetadataServer;
import io.transferengine.testkit.ChildJvm;
import io.transferengine.testkit.DescriptorsMain;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Errors of this machine are not blamed on the peer: each has its own text and remedy. */
@Timeout(180)
class LocalErrorTest {
  /** Of no machine: an address of the documentation's network. */
  private static final String ELSEWHERE = "198.51.100.77";

  @Test
  void withoutDescriptorsTheLimitIsNamedAndNotThePeer() throws Exception {
    ChildJvm.Result result =
        ChildJvm.run(
            List.of("bash", "-c", "ulimit -n 300; exec \"$@\"", "bash"),
            List.of("--enable-native-access=ALL-UNNAMED"),
            ChildJvm.classPath(_ -> true),
            List.of(),
            DescriptorsMain.class);
    assertThat(result.exitStatus()).as(result.output()).isZero();
    for (String what : List.of("lookup: ", "transfer: ")) {
      assertThat(result.output().lines().filter(line -> line.startsWith(what)))
          .singleElement()
          .asString()
          .contains("Too many open files", "ulimit -n")
          .doesNotContain("Nothing listens", "Is the peer");
    }
  }

  @Test
  void aListenAddressOfAnotherMachineIsToldWithTheSystemsError() {
    EngineConfig config =
        EngineConfig.builder("127.0.0.1").protocol("tcp").listenAddress(ELSEWHERE).build();
    assertThatThrownBy(() -> Engine.open(config).close())
        .isInstanceOfSatisfying(
            TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.SOCKET))
        .hasMessageContaining(ELSEWHERE)
        .hasMessageContaining("Cannot assign requested address")
        .hasMessageContaining("no such address")
        .hasMessageNotContaining("Free a port");
  }

  @Test
  void aMetadataServerOnAnAddressOfAnotherMachineIsToldSo() {
    assertThatThrownBy(() -> HttpMetadataServer.start(ELSEWHERE, 0).close())
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("Cannot assign requested address")
        .hasMessageContaining("no such address")
        .hasMessageNotContaining("Choose another port");
  }

  /** The system refuses such an address before any packet is sent. */
  @Test
  void anAddressThatThisMachineCannotConnectToIsNotThePeersFault() {
    try (Engine engine = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build())) {
      assertThatThrownBy(() -> engine.openSegment("255.255.255.255:1"))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("Network is unreachable")
          .hasMessageContaining("ip route")
          .hasMessageNotContaining("Nothing listens");
    }
  }

  /** Of a range in which two ports are free, the others are tried in vain first. */
  @Test
  void aPortThatIsTakenIsFollowedByAnother() throws Exception {
    int first = 18_200;
    int count = 40;
    List<ServerSocket> taken = new ArrayList<>();
    try {
      for (int port = first; port < first + count - 3; port++) {
        ServerSocket socket = new ServerSocket();
        taken.add(socket);
        try {
          socket.bind(new InetSocketAddress(port));
        } catch (BindException e) {
          // Somebody else has it, which is as good.
        }
      }
      EngineConfig config =
          EngineConfig.builder("127.0.0.1")
              .protocol("tcp")
              .minRpcPort(first)
              .maxRpcPort(first + count - 1)
              .build();
      try (Engine engine = Engine.open(config)) {
        assertThat(engine.rpcPort()).isBetween(first, first + count - 1);
      }
    } finally {
      for (ServerSocket socket : taken) {
        socket.close();
      }
    }
  }

  @Test
  void aPeerThatRefusesIsStillThePeer() {
    try (Engine engine = Engine.open(EngineConfig.builder("127.0.0.1").protocol("tcp").build())) {
      assertThatThrownBy(() -> engine.openSegment("127.0.0.1:1"))
          .hasMessageContaining("Nothing listens at 127.0.0.1:1");
    }
  }
}
