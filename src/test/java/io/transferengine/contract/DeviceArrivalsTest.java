// SPDX-License-Identifier: Apache-2.0
package io.transferengine.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.engine.EngineCore;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.ReachedDevices;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.rdma.SimulatedRdmaProvider;
import io.transferengine.transport.tcp.TcpTransportProvider;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.wire.NotifyMessage;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A device may see what a network card has written to its memory later than the card says so. Then
 * nobody is told that bytes are there before the driver was asked to wait for them.
 */
@Timeout(120)
class DeviceArrivalsTest {
  private static final String FLUSH = "cuFlushGPUDirectRDMAWrites";
  private static final String CONTEXT = "cuDevicePrimaryCtxRetain";
  private static final String EXPORT = "cuMemGetHandleForAddressRange";
  private static final int BYTES = 200_000;

  @TempDir Path sysRoot;

  private final long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  private final SimulatedFabric fabric = new SimulatedFabric(seed);
  private final SimulatedDevices devices = new SimulatedDevices(seed, 1, 64 << 20);
  private final byte[] bytes = new byte[BYTES];

  @BeforeEach
  void reachDevices() {
    new Random(seed).nextBytes(bytes);
    fabric.reach(new ReachedDevices(devices, () -> true));
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(devices.open()).as("seed %d", seed).isEmpty();
    assertThat(fabric.violations()).as("seed %d", seed).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
    devices.close();
  }

  private EngineCore open(String name) {
    return LoopbackEngine.open(
        "",
        Map.of(),
        List.of(
            new TcpTransportProvider(),
            new SimulatedRdmaProvider(
                fabric.process(name, List.of("sim0")), () -> devices, sysRoot)),
        SimulatedRdmaSetup.devices(List.of("sim0")),
        new Devices(() -> devices));
  }

  private long registered(EngineCore at) {
    long address = devices.memory(0, BYTES);
    var _ = at.memory().register(address, BYTES, "cuda:0");
    return address;
  }

  private static TransferRequest request(
      Operation operation, EngineCore to, long local, long remote) {
    return TransferRequest.of(operation, to.segmentName(), BlockColumns.of(local, remote, BYTES));
  }

  private static TransferHandle ended(EngineCore from, TransferRequest request) throws Exception {
    TransferHandle transfer = from.submit(request);
    assertThat(transfer.await(Duration.ofSeconds(60)).isTerminal()).isTrue();
    return transfer;
  }

  @Test
  void bytesAreSeenBeforeAnybodyIsToldOfThem() throws Exception {
    devices.seesWritesLate(true);
    try (EngineCore one = open("one");
        EngineCore other = open("other")) {
      long local = registered(one);
      long remote = registered(other);
      devices.poke(remote, bytes);

      TransferHandle read = ended(one, request(Operation.READ, other, local, remote));
      assertThat(read.state()).isEqualTo(TransferState.COMPLETED);
      assertThat(devices.peek(local, BYTES)).isEqualTo(bytes);

      devices.poke(remote, new byte[BYTES]);
      TransferRequest write = request(Operation.WRITE, other, local, remote);
      TransferHandle written = ended(one, write.withNotification("n", "they are there"));
      assertThat(written.state()).isEqualTo(TransferState.COMPLETED);
      assertThat(other.notifications().take(Duration.ofSeconds(60))).isPresent();
      assertThat(devices.peek(remote, BYTES)).isEqualTo(bytes);
      assertThat(one.metrics().get(Counter.RDMA_PATHS_CONNECTED)).isPositive();
    }
  }

  /** What its device does not see is no completed read; the device is fine, and so is the next. */
  @Test
  void aReadThatCannotBeWaitedForFails() throws Exception {
    devices.seesWritesLate(true);
    try (EngineCore one = open("one");
        EngineCore other = open("other")) {
      long local = registered(one);
      long remote = registered(other);
      devices.poke(remote, bytes);
      for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
        devices.plan().failAlways(FLUSH, code);
        TransferHandle read = ended(one, request(Operation.READ, other, local, remote));
        assertThat(read.state()).isEqualTo(TransferState.FAILED);
        devices.plan().heal();
      }
      TransferHandle read = ended(one, request(Operation.READ, other, local, remote));
      assertThat(read.state()).as(read::explain).isEqualTo(TransferState.COMPLETED);
      assertThat(devices.peek(local, BYTES)).isEqualTo(bytes);
    }
  }

  @Test
  void aDeviceThatSeesThemInOrderIsNotAsked() throws Exception {
    try (EngineCore one = open("one");
        EngineCore other = open("other")) {
      long local = registered(one);
      long remote = registered(other);
      devices.poke(remote, bytes);
      TransferRequest read = request(Operation.READ, other, local, remote);
      TransferHandle transfer = ended(one, read.withNotification("n", "m"));
      assertThat(transfer.state()).isEqualTo(TransferState.COMPLETED);
      assertThat(devices.peek(local, BYTES)).isEqualTo(bytes);
      assertThat(other.notifications().take(Duration.ofSeconds(60))).isPresent();
      assertThat(devices.plan().calls(FLUSH)).isZero();
    }
  }

  /** Its program would look at bytes that are not to be seen yet. */
  @Test
  void aNotificationThatCannotBeWaitedForIsRefused() throws Exception {
    devices.seesWritesLate(true);
    try (EngineCore one = open("one");
        EngineCore other = open("other")) {
      long local = registered(one);
      long remote = registered(other);
      devices.poke(local, bytes);
      assertThat(ended(one, request(Operation.WRITE, other, local, remote)).state())
          .isEqualTo(TransferState.COMPLETED);
      for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
        devices.plan().failAlways(FLUSH, code);
        assertThatThrownBy(() -> tell(one, other)).isInstanceOf(TransferException.class);
        devices.plan().heal();
      }
      assertThat(other.notifications().drain()).isEmpty();

      tell(one, other);
      assertThat(other.notifications().drain()).hasSize(1);
      assertThat(devices.peek(remote, BYTES)).isEqualTo(bytes);
    }
  }

  private static void tell(EngineCore from, EngineCore to) {
    from.sendNotify(to.segmentName(), new NotifyMessage("n", "m"), Duration.ofSeconds(60));
  }

  /** It may be lost since; its program has no use for it any more, and others go on. */
  @Test
  void aDeviceIsLeftAloneWhenItsMemoryIsGone() {
    devices.seesWritesLate(true);
    try (EngineCore one = open("one");
        EngineCore other = open("other")) {
      long first = registered(other);
      long second = registered(other);
      tell(one, other);
      other.memory().unregister(first);
      devices.plan().failAlways(FLUSH, Cuda.CUDA_ERROR_UNKNOWN());
      assertThatThrownBy(() -> tell(one, other)).isInstanceOf(TransferException.class);

      other.memory().unregister(second);
      int contexts = devices.plan().calls(CONTEXT);
      tell(one, other);
      assertThat(other.notifications().drain()).hasSize(2);
      assertThat(devices.plan().calls(CONTEXT)).isEqualTo(contexts);
      devices.plan().heal();
    }
  }

  /** No card writes to what no card has taken: TCP moves it. */
  @Test
  void memoryThatNoCardTakesIsNotWaitedFor() {
    devices.seesWritesLate(true);
    try (EngineCore one = open("one");
        EngineCore other = open("other")) {
      devices.plan().failAlways(EXPORT, Cuda.CUDA_ERROR_UNKNOWN());
      long memory = registered(other);
      int contexts = devices.plan().calls(CONTEXT);
      tell(one, other);
      assertThat(devices.plan().calls(FLUSH)).isZero();
      assertThat(devices.plan().calls(CONTEXT)).isEqualTo(contexts);

      other.memory().unregister(memory);
      devices.plan().heal();
      var _ = registered(other);
      tell(one, other);
      assertThat(devices.plan().calls(FLUSH)).isEqualTo(1);
    }
  }

  @Test
  void aDriverThatCannotWaitIsSaid() {
    devices.seesWritesLate(false);
    try (LogCapture log = new LogCapture();
        EngineCore one = open("one")) {
      var _ = registered(one);
      assertThat(log.warnings())
          .anySatisfy(line -> assertThat(line).contains("cuda:0 may see what arrives", "late"));
    }
  }
}
