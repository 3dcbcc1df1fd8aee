// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedRdmaProvider;
import io.transferengine.transport.tcp.TcpTransportProvider;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * Device memory that no network card reaches goes over TCP, on both sides, and that is said once.
 */
@Timeout(120)
class DeviceFallbackTest {
  private static final int BYTES = 200_000;

  @TempDir Path sysRoot;

  private final long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  private final SimulatedFabric fabric = new SimulatedFabric(seed);
  private final SimulatedDevices devices = new SimulatedDevices(seed, 1, 64 << 20);

  private EngineCore open(String name, Map<String, String> variables) {
    SimulatedVerbs verbs = fabric.process(name, List.of("sim0"));
    return LoopbackEngine.open(
        "",
        variables,
        List.of(
            new TcpTransportProvider(), new SimulatedRdmaProvider(verbs, () -> devices, sysRoot)),
        SimulatedRdmaSetup.devices(List.of("sim0")),
        new Devices(() -> devices));
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(devices.open()).as("seed %d", seed).isEmpty();
    assertThat(fabric.violations()).as("seed %d", seed).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
    devices.close();
  }

  private static void move(
      EngineCore from, Operation operation, EngineCore to, long local, long remote)
      throws Exception {
    TransferHandle transfer =
        from.submit(
            TransferRequest.of(operation, to.segmentName(), BlockColumns.of(local, remote, BYTES)));
    assertThat(transfer.await(Duration.ofSeconds(60)))
        .as(() -> String.valueOf(transfer.failure()))
        .isEqualTo(TransferState.COMPLETED);
  }

  @Test
  void tcpMovesWhatTheCardsDoNotReach() throws Exception {
    devices.exports(false);
    byte[] bytes = new byte[BYTES];
    new Random(seed).nextBytes(bytes);
    try (LogCapture log = new LogCapture();
        EngineCore one = open("one", Map.of());
        EngineCore other = open("other", Map.of())) {
      long local = devices.memory(0, BYTES);
      long second = devices.memory(0, BYTES);
      long remote = devices.memory(0, BYTES);
      var _ = one.memory().register(local, BYTES, "cuda:0");
      var _ = one.memory().register(second, BYTES, "cuda:0");
      var _ = other.memory().register(remote, BYTES, "cuda:0");
      assertThat(one.metrics().get(Counter.TCP_CHOSEN_OVER_RDMA)).isEqualTo(2);
      assertThat(log.count("Memory is registered without RDMA, and TCP moves it")).isEqualTo(2);
      assertThat(log.warnings())
          .anySatisfy(
              line ->
                  assertThat(line)
                      .contains(
                          "neither as a dma-buf", "nvidia_peermem is not loaded", "modprobe"));

      devices.poke(local, bytes);
      move(one, Operation.WRITE, other, local, remote);
      assertThat(devices.peek(remote, BYTES)).isEqualTo(bytes);
      move(one, Operation.READ, other, second, remote);
      assertThat(devices.peek(second, BYTES)).isEqualTo(bytes);
      assertThat(one.metrics().get(Counter.RDMA_PATHS_CONNECTED)).isZero();
    }
  }

  @Test
  void whereRdmaIsRequiredItIsAnError() {
    devices.exports(false);
    try (EngineCore one = open("one", Map.of("TE_REQUIRE_RDMA", "1"))) {
      long local = devices.memory(0, BYTES);
      assertThatThrownBy(() -> one.memory().register(local, BYTES, "cuda:0"))
          .isInstanceOf(TransferException.class)
          .hasMessageContaining("neither as a dma-buf");
    }
  }
}
