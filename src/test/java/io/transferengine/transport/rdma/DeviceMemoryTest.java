// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.rdma;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.DeviceExports;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.memory.MemoryKind;
import io.transferengine.memory.Region;
import io.transferengine.memory.RegionTable;
import io.transferengine.os.Errno;
import io.transferengine.testkit.ReachedDevices;
import io.transferengine.topology.FakeMachine;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.PeerAddress;
import io.transferengine.verbs.SimulatedFabric;
import io.transferengine.verbs.SimulatedVerbs;
import io.transferengine.wire.BufferDescriptor;
import io.transferengine.wire.SegmentDescriptor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Memory of CUDA devices at network cards: both simulated, so that each call can fail. */
@Timeout(120)
class DeviceMemoryTest {
  private static final List<String> TWO = List.of("sim0", "sim1");
  private static final MemoryKind CUDA = MemoryKind.at("cuda:0");
  private static final int BYTES = 300_000;
  private static final int EPROTONOSUPPORT = 93;

  @TempDir Path sysRoot;

  private final long seed = Long.getLong("seed", System.nanoTime() & 0xffff_ffffL);
  private final SimulatedFabric fabric = new SimulatedFabric(seed);
  private final SimulatedDevices devices = new SimulatedDevices(seed, 2, 64 << 20);
  private final SimulatedVerbs verbs = fabric.process("one", TWO);
  private final SimulatedVerbs peerVerbs = fabric.process("two", TWO);
  private boolean newLibrary = true;

  DeviceMemoryTest() {
    fabric.reach(new ReachedDevices(devices, () -> newLibrary));
  }

  private SimulatedEngine engine(SimulatedVerbs of, Map<String, String> options) {
    return new SimulatedEngine(
        of,
        TWO,
        options,
        0,
        Optional.empty(),
        new DeviceMemory(of, new DeviceExports(() -> devices), sysRoot));
  }

  private void loadPeerMemory() throws IOException {
    var _ = Files.createDirectories(sysRoot.resolve("module/nvidia_peermem"));
  }

  @AfterEach
  void nothingIsLeft() {
    assertThat(devices.open()).isEmpty();
    assertThat(devices.isThreadClean()).isTrue();
    assertThat(fabric.violations()).as("seed %d", seed).isEmpty();
    assertThat(fabric.openHandles()).isEmpty();
    fabric.close();
    devices.close();
  }

  /** Writes and reads between devices' memory of two engines. */
  private void move(SimulatedEngine from, long local, SimulatedEngine to, long remote)
      throws Exception {
    byte[] written = new byte[BYTES];
    new Random(seed).nextBytes(written);
    devices.poke(local, written);
    BlockColumns blocks =
        BlockColumns.of(new long[] {local}, new long[] {remote}, new long[] {BYTES});
    assertThat(from.write(to, blocks).await().state()).isEqualTo(TransferState.COMPLETED);
    assertThat(devices.peek(remote, BYTES)).isEqualTo(written);
    devices.poke(local, new byte[BYTES]);
    assertThat(from.read(to, blocks).await().state()).isEqualTo(TransferState.COMPLETED);
    assertThat(devices.peek(local, BYTES)).isEqualTo(written);
  }

  private long memory(int bytes) {
    return devices.memory(0, bytes);
  }

  @Test
  void aDmaBufIsTakenByEachCardAndClosed() throws Exception {
    try (SimulatedEngine one = engine(verbs, Map.of());
        SimulatedEngine two = engine(peerVerbs, Map.of())) {
      // Neither begins at a page, as parts of an allocation do.
      long base = memory(BYTES + 10_000);
      long local = base + 4321;
      long remote = memory(BYTES + 10_000) + 8008;
      Region region = one.registerAt(local, BYTES, "cuda:0");
      var _ = two.registerAt(remote, BYTES, "cuda:0");
      assertThat(devices.openDmaBufs()).isZero();
      assertThat(devices.isSynchronous(base)).isTrue();
      assertThat(devices.plan().calls("cuMemGetHandleForAddressRange")).isEqualTo(2);
      assertThat(one.descriptor().buffers().getFirst().name()).isEqualTo("cuda:0");
      assertThat(one.transport().moves(CUDA, CUDA)).isTrue();

      move(one, local, two, remote);

      one.unregister(region);
    }
  }

  /** A registration larger than a network card takes is several, of one dma-buf. */
  @Test
  void aLargeRangeIsRegisteredInParts() throws Exception {
    Map<String, String> options = Map.of("MC_MAX_MR_SIZE", "70000");
    try (SimulatedEngine one = engine(verbs, options);
        SimulatedEngine two = engine(peerVerbs, options)) {
      long local = memory(BYTES + 100) + 99;
      long remote = memory(BYTES);
      var _ = one.registerAt(local, BYTES, "cuda:0");
      var _ = two.registerAt(remote, BYTES, "cuda:0");
      assertThat(two.descriptor().buffers()).hasSizeGreaterThan(3);
      assertThat(devices.plan().calls("cuMemGetHandleForAddressRange")).isEqualTo(2);

      move(one, local, two, remote);
    }
  }

  @Test
  void peerMemoryIsUsedWhereThereIsNoDmaBuf() throws Exception {
    loadPeerMemory();
    devices.exports(false);
    try (SimulatedEngine one = engine(verbs, Map.of());
        SimulatedEngine two = engine(peerVerbs, Map.of())) {
      long local = memory(BYTES);
      long remote = memory(BYTES);
      var _ = one.registerAt(local, BYTES, "cuda:0");
      devices.exports(true);
      newLibrary = false;
      var _ = two.registerAt(remote, BYTES, "cuda:0");
      assertThat(devices.plan().calls("cuMemGetHandleForAddressRange")).isZero();

      move(one, local, two, remote);
    }
  }

  /** The driver says where the device is: discovery's numbers may be those of another process. */
  @Test
  void networkCardsNearTheDeviceArePreferred() {
    FakeMachine machine = new FakeMachine(sysRoot).nodes(0);
    machine.nic("sim0", 0, "pci0000:00/0000:00:01.0/0000:01:00.0");
    machine.nic("sim1", 0, "pci0000:00/0000:00:02.0/0000:02:00.0");
    machine.pciDevice("pci0000:00/0000:00:02.0/0000:03:00.0", 0, "0x10de", "0x030200");
    devices.at("0000:03:00.0", "0000:99:00.0");
    try (SimulatedEngine one =
        new SimulatedEngine(
            verbs,
            TWO,
            Map.of(),
            0,
            Optional.empty(),
            new DeviceMemory(verbs, new DeviceExports(() -> devices), machine.sys()))) {
      long version = one.transport().descriptionVersion();
      var _ = one.registerAt(memory(BYTES), BYTES, "cuda:0");
      var _ = one.registerAt(devices.memory(1, BYTES), BYTES, "cuda:1");
      assertThat(one.descriptor().priorityMatrix())
          .containsEntry("cuda:0", List.of(List.of("sim1"), List.of("sim0")))
          .doesNotContainKey("cuda:1");
      assertThat(one.transport().descriptionVersion()).isGreaterThan(version);
    }
  }

  /** Each network card has its own way. */
  @Test
  void aCardThatTakesNoDmaBufUsesPeerMemory() throws Exception {
    loadPeerMemory();
    try (SimulatedEngine one = engine(verbs, Map.of());
        SimulatedEngine two = engine(peerVerbs, Map.of())) {
      verbs.device("sim1").refuse("ibv_reg_dmabuf_mr", 1, EPROTONOSUPPORT);
      long local = memory(BYTES);
      long remote = memory(BYTES);
      var _ = one.registerAt(local, BYTES, "cuda:0");
      var _ = two.registerAt(remote, BYTES, "cuda:0");

      move(one, local, two, remote);
    }
  }

  @Test
  void withoutEitherItIsSaidAndLeftToOthers() {
    try (SimulatedEngine one = engine(verbs, Map.of())) {
      verbs.device("sim0").refuse("ibv_reg_dmabuf_mr", 1, EPROTONOSUPPORT);
      long address = memory(BYTES);
      assertThatThrownBy(() -> one.registerAt(address, BYTES, "cuda:0"))
          .isInstanceOfSatisfying(
              TransferException.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CONTEXT))
          .hasMessageContainingAll(
              "sim0",
              "300000 bytes of cuda:0",
              "ibv_reg_dmabuf_mr(",
              "EPROTONOSUPPORT",
              "nvidia_peermem is not loaded",
              "modprobe nvidia_peermem");
    }
  }

  /** What is registered without RDMA is moved without it, until that registration ends. */
  @Test
  void aKindThatLacksRegistrationsIsNotMoved() {
    try (SimulatedEngine one = engine(verbs, Map.of())) {
      devices.exports(false);
      Region region = new RegionTable().register(memory(BYTES), BYTES, "cuda:0");
      RdmaTransport transport = one.transport();
      assertThat(transport.moves(CUDA, CUDA)).isTrue();
      assertThatThrownBy(() -> transport.registerAll(List.of(region)))
          .isInstanceOf(TransferException.class);
      assertThat(transport.mayGoWithout(List.of(region))).isTrue();
      BufferDescriptor plain = new BufferDescriptor("a:1", region.address(), BYTES);
      SegmentDescriptor.Builder described =
          SegmentDescriptor.builder("a:1").buffers(List.of(plain));
      transport.describe(described, List.of(region));
      assertThat(described.build().buffers()).containsExactly(plain);
      assertThat(transport.moves(CUDA, MemoryKind.host())).isFalse();
      assertThat(transport.moves(MemoryKind.at("cuda:1"), CUDA)).isTrue();
      assertThat(transport.moves(MemoryKind.host(), CUDA)).isTrue();
      transport.unregisterAll(List.of(region));
      assertThat(transport.moves(CUDA, MemoryKind.host())).isTrue();
    }
  }

  /** Such memory of a peer is left to a transport that reaches it. */
  @Test
  void whatThePeerLacksIsNotTaken() throws Exception {
    try (SimulatedEngine one = engine(verbs, Map.of());
        SimulatedEngine two = engine(peerVerbs, Map.of())) {
      one.takeTasks();
      long local = memory(BYTES);
      var _ = one.registerAt(local, BYTES, "cuda:0");
      MemorySegment reached = two.register(BYTES);
      long lacking = memory(BYTES);
      SegmentDescriptor known = two.descriptor();
      List<BufferDescriptor> buffers = new ArrayList<>(known.buffers());
      buffers.add(new BufferDescriptor("a:1", lacking, BYTES));
      PeerAddress peer =
          new PeerAddress(known.withBuffers(buffers), List.of(InetAddress.getLoopbackAddress()));
      var _ = one.submit(Operation.WRITE, peer, BlockColumns.of(local, lacking, BYTES));
      assertThat(one.handedOver()).hasSize(1);
      assertThat(one.transport().takes(one.handedOver().getFirst())).isFalse();
      var there =
          one.submit(Operation.WRITE, peer, BlockColumns.of(local, reached.address(), BYTES));
      assertThat(there.await().state()).isEqualTo(TransferState.COMPLETED);
      assertThat(one.handedOver()).hasSize(1);
    }
  }

  @Test
  void whatIsNoMemoryOfTheDeviceIsRefused() throws Exception {
    loadPeerMemory();
    try (SimulatedEngine one = engine(verbs, Map.of())) {
      long other = devices.memory(1, BYTES);
      assertThatThrownBy(() -> one.registerAt(other, BYTES, "cuda:0"))
          .hasMessageContaining("it is memory of cuda:1");
      assertThatThrownBy(() -> one.registerAt(other, BYTES + 1, "cuda:1"))
          .hasMessageContaining("the allocation there has 300000 bytes");
      assertThatThrownBy(() -> one.registerAt(other, BYTES, "cuda:2"))
          .isInstanceOfSatisfying(
              TransferException.class,
              e -> assertThat(e.code()).isEqualTo(ErrorCode.DEVICE_NOT_FOUND));
      assertThat(one.transport().registrations().snapshot().size()).isZero();
    }
  }

  /** Whichever call fails: the range is registered on all cards or on none, and nothing is left. */
  @Test
  void eachCallMayFail() throws Exception {
    loadPeerMemory();
    int[] codes = {Cuda.CUDA_ERROR_OUT_OF_MEMORY(), CallPlan.FULL_HEAP};
    try (SimulatedEngine one = engine(verbs, Map.of())) {
      long address = memory(BYTES);
      for (String call :
          List.of(
              "cuDeviceGetCount",
              "cuDeviceGet",
              "cuDeviceGetAttribute",
              "cuDevicePrimaryCtxRetain",
              "cuCtxPushCurrent_v2",
              "cuPointerGetAttribute",
              "cuMemGetHandleForAddressRange",
              "cuPointerSetAttribute")) {
        for (int after = 0; after < 4; after++) {
          for (int code : codes) {
            devices.plan().fail(call, after, code);
            registerIfPossible(one, address, call + " " + after + " " + code);
            devices.plan().heal();
          }
        }
      }
      for (String device : TWO) {
        verbs.device(device).refuse("ibv_reg_dmabuf_mr", 1, Errno.ENOMEM.number());
        verbs.device(device).refuse("ibv_reg_mr", 1, Errno.ENOMEM.number());
        registerIfPossible(one, address, device);
      }
    }
  }

  private void registerIfPossible(SimulatedEngine one, long address, String what) {
    try {
      Region region = one.registerAt(address, BYTES, "cuda:0");
      assertThat(one.descriptor().buffers()).as(what).hasSize(1);
      one.unregister(region);
    } catch (TransferException | OutOfMemoryError expected) {
      assertThat(one.descriptor().buffers()).as(what).isEmpty();
    }
    assertThat(devices.open()).as(what).isEmpty();
    assertThat(devices.isThreadClean()).as(what).isTrue();
    assertThat(one.transport().registrations().snapshot().size()).as(what).isZero();
    assertThat(one.transport().moves(CUDA, CUDA)).as(what).isTrue();
  }
}
