// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.transport.rdma.RawRdmaPeer.Version;
import io.transferengine.verbs.SimulatedFabric;
import java.io.IOException;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Peers whose messages have no GID, so that we ask back, and which do not answer. */
@Timeout(60)
class CallBackLimitTest {
  private static final int LIMIT = 16;

  private final SimulatedFabric fabric = new SimulatedFabric(Long.getLong("seed", 1));
  private final SimulatedEngine engine =
      new SimulatedEngine(fabric.process("ours", List.of("sim0")), List.of("sim0"), Map.of());
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final List<Future<String>> answers = new ArrayList<>();
  private RawRdmaPeer peer;

  /** At all addresses of the loopback; accepted by the kernel, and by nobody else. */
  private ServerSocket silent;

  @BeforeEach
  void open() throws IOException {
    peer = new RawRdmaPeer(fabric.process("theirs", List.of("sim0")));
    silent = new ServerSocket(0, 64);
  }

  @AfterEach
  void close() throws IOException {
    silent.close();
    threads.shutdownNow();
    engine.close();
    peer.close();
    fabric.close();
  }

  private String ask(String from, String name) throws IOException {
    String message =
        peer.message(Version.WITHOUT_GID, engine.segmentName() + "@sim0", "false")
            .replace(peer.path(), name + "@sim0");
    return RawRdmaPeer.text(
        RawRdmaPeer.ask(from, engine.rpcPort(), RawRdmaPeer.CONNECTION, message), "reply_msg");
  }

  /** Has us ask, so many times, somebody who does not answer. */
  private void hang(String from, int count) {
    int before = engine.descriptionsAsked();
    for (int i = 0; i < count; i++) {
      answers.add(threads.submit(() -> ask(from, from + ":" + silent.getLocalPort())));
    }
    await().until(() -> engine.descriptionsAsked() == before + count);
  }

  @Test
  void oneAddressCannotKeepUsFromAskingOthers() throws Exception {
    hang("127.0.0.2", LIMIT / 2);
    assertThat(ask("127.0.0.2", "127.0.0.2:" + silent.getLocalPort())).contains("too many");
    assertThat(ask("127.0.0.1", peer.name())).isEmpty();
    hang("127.0.0.3", LIMIT / 2);
    assertThat(ask("127.0.0.1", peer.name().replace("127.0.0.1", "localhost")))
        .contains("too many");
    // The kernel resets what nobody has accepted: all of them have their answer then.
    silent.close();
    for (Future<String> answer : answers) {
      assertThat(answer.get()).isNotEmpty();
    }
    assertThat(ask("127.0.0.1", peer.name().replace("127.0.0.1", "localhost"))).isEmpty();
  }
}
