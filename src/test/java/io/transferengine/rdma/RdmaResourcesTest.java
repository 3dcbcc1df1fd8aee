// SPDX-License-Identifier: Apache-2.0
package io.transferengine.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.transferengine.Engine;
import io.transferengine.EngineConfig;
import io.transferengine.Registration;
import io.transferengine.testkit.Mapped;
import io.transferengine.testkit.PeerProcess;
import io.transferengine.transfer.TransferRequest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the kernel and the process hold after many engines have come and gone. */
@Tag("rdma")
@Timeout(900)
class RdmaResourcesTest {
  private static final int CYCLES = 160;

  /** Classes are loaded and pools filled by then. */
  private static final int WARM_UP = 50;

  /**
   * A leak of 64 KiB in each cycle is found. What the JVM does of its own accord was half of this,
   * and it does less from cycle to cycle.
   */
  private static final long GROWTH_LIMIT_KIB = (CYCLES - WARM_UP) * 64L;

  /** More than a peer leaves an endpoint idle (60 s) before it looks whether it still leads on. */
  private static final Duration PEER_LIMIT = Duration.ofSeconds(150);

  /** Descriptors that the JVM may open meanwhile, for classes and logs. */
  private static final int DESCRIPTORS = 10;

  @Test
  void nothingIsLeftOfManyEngines() throws IOException {
    String baseline = resources();
    try (PeerProcess peer = PeerProcess.start();
        Mapped mine = Mapped.of(4096)) {
      RdmaPort port = RdmaPort.theirs();
      peer.initialize(port.address(), "rdma", port.device());
      long remote = peer.map(4096);
      assertThat(peer.call("registerMemory", remote, 4096)).isZero();
      String ours = resources(RdmaPort.ours().device());
      String theirs = resources(port.device());
      long descriptors = 0;
      long memory = 0;
      for (int cycle = 0; cycle < CYCLES; cycle++) {
        if (cycle == WARM_UP) {
          descriptors = descriptors();
          memory = residentKib();
        }
        cycle(peer.name(), mine, remote, cycle);
        if (cycle % 100 == 0) {
          assertThat(peer.mismatch(remote, 4096, cycle)).isEqualTo(-1);
        }
      }
      assertThat(resources(RdmaPort.ours().device())).isEqualTo(ours);
      assertThat(descriptors()).isLessThanOrEqualTo(descriptors + DESCRIPTORS);
      System.gc();
      assertThat(residentKib()).isLessThan(memory + GROWTH_LIMIT_KIB);
      // Nobody tells the peer that an engine has gone: it finds out when it tries idle endpoints.
      await()
          .atMost(PEER_LIMIT)
          .pollInterval(Duration.ofSeconds(1))
          .untilAsserted(() -> assertThat(resources(port.device())).isEqualTo(theirs));
    }
    assertThat(resources()).isEqualTo(baseline);
  }

  /** Opens an engine, connects, writes, and closes it. */
  private static void cycle(String peer, Mapped mine, long remote, long seed) {
    RdmaPort port = RdmaPort.ours();
    EngineConfig config =
        EngineConfig.builder(port.address())
            .protocol("rdma")
            .deviceName(port.device())
            .requireRdma(true)
            // Small rings: page faults are slow in the guest, and leaks do not depend on sizes.
            .maxWorkRequests(32)
            .maxCompletionsPerContext(256)
            .tcpIoThreads(1)
            .build();
    mine.fill(seed);
    try (Engine engine = Engine.open(config);
        Registration _ = engine.register(mine.segment())) {
      RdmaPair.assertCompleted(engine.submit(TransferRequest.write(peer, mine.segment(), remote)));
    }
  }

  /** Objects of each device that the kernel knows, such as protection domains and queue pairs. */
  private static String resources() {
    return Shell.run("rdma", "res");
  }

  private static String resources(String device) {
    return resources()
        .lines()
        .filter(line -> line.contains(" " + device + ":"))
        .findFirst()
        .orElseThrow();
  }

  private static long descriptors() throws IOException {
    try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
      return open.count();
    }
  }

  private static long residentKib() throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
        .findFirst()
        .orElseThrow();
  }
}
