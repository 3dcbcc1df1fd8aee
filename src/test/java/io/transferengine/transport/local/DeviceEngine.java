// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.config.Settings;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.EngineOptions;
import io.transferengine.engine.LocalTopology;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.os.FfmProcessMemory;
import io.transferengine.os.LinuxProcesses;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transport.Transport;
import io.transferengine.transport.TransportContext;
import io.transferengine.transport.TransportProvider;
import io.transferengine.transport.tcp.TcpTransportProvider;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** An engine with TCP and copies on one machine, both on simulated devices of its own. */
final class DeviceEngine implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofSeconds(100);

  final SimulatedDevices driver;
  final EngineCore core;

  DeviceEngine(SimulatedDevices driver) {
    this(driver, Map.of());
  }

  DeviceEngine(SimulatedDevices driver, Map<String, String> variables) {
    this.driver = driver;
    Map<String, String> options = new HashMap<>(variables);
    options.put("TE_LISTEN_ADDRESS", "127.0.0.1");
    core =
        new EngineCore(
            new EngineOptions(
                "127.0.0.1",
                EngineOptions.P2P_HANDSHAKE,
                "tcp",
                "",
                Settings.fromMap(options),
                Optional.empty(),
                Optional.empty(),
                Optional.empty()),
            () -> List.of(new TcpTransportProvider(), new Provider("local", 200, this::local)),
            (_, _) -> new LocalTopology(List.of(), Topology.none(), Optional.empty()),
            new Devices(() -> driver));
  }

  private Transport local(TransportContext context) {
    return new LocalTransport(context, new FfmProcessMemory(), new LinuxProcesses());
  }

  private record Provider(
      String name, int priority, Function<TransportContext, Transport> transport)
      implements TransportProvider {
    @Override
    public Optional<String> unavailabilityCause(TransportContext context) {
      return Optional.empty();
    }

    @Override
    public Transport create(TransportContext context) {
      return transport.apply(context);
    }
  }

  /** Registers memory; {@return its address} */
  long register(long address, long length, String location) {
    var _ = core.memory().register(address, length, location);
    return address;
  }

  /** {@return a transfer that has ended} */
  TransferHandle move(Operation operation, DeviceEngine peer, BlockColumns blocks)
      throws InterruptedException {
    TransferHandle transfer =
        core.submit(TransferRequest.of(operation, peer.core.segmentName(), blocks));
    transfer.await(LIMIT);
    return transfer;
  }

  long counted(Counter counter) {
    return core.metrics().get(counter);
  }

  @Override
  public void close() {
    core.close();
  }

  /** Closes what two engines were on, which are closed; nothing of it may be left open. */
  static void close(long seed, SimulatedDevices ours, SimulatedDevices theirs) {
    // A slot that was not given back would keep the pinned range.
    assertThat(ours.open()).as("seed %d", seed).isEmpty();
    assertThat(theirs.open()).as("seed %d", seed).isEmpty();
    assertThat(ours.isThreadClean()).isTrue();
    ours.close();
    theirs.close();
  }
}
