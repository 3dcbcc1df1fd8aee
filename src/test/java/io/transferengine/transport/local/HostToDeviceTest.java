// SPDX-License-Identifier: Apache-2.0
package io.transferengine.transport.local;

import static org.assertj.core.api.Assertions.assertThat;

import io.transferengine.access.AccessRights;
import io.transferengine.bindings.Cuda;
import io.transferengine.device.CallPlan;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.device.SimulatedIpc;
import io.transferengine.engine.TransferHandle;
import io.transferengine.metrics.Counter;
import io.transferengine.testkit.LogCapture;
import io.transferengine.testkit.Mapped;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferState;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Between host memory of ours and memory of a device of a peer on this machine, which a device of
 * ours opens.
 */
@Timeout(300)
class HostToDeviceTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int BYTES = (5 << 20) + 77;

  @TempDir static Path folder;

  private final SimulatedIpc ourIpc = SimulatedIpc.in(folder);
  private final SimulatedDevices ours = new SimulatedDevices(SEED, 2, 64 << 20, ourIpc);
  private final SimulatedDevices theirs =
      new SimulatedDevices(SEED + 1, 2, 64 << 20, SimulatedIpc.in(folder));
  private final Random random = new Random(SEED);
  private final LogCapture log = LogCapture.withDebug(DeviceMisses.class.getName());
  private final DeviceEngine one = new DeviceEngine(ours);
  private final DeviceEngine other = new DeviceEngine(theirs);
  private final Mapped host = Mapped.of(BYTES);
  private final long here = one.register(host.address(), BYTES, "*");
  private final long there = other.register(theirs.memory(0, BYTES), BYTES, "cuda:0");

  HostToDeviceTest() {
    // It uses a device, which can help.
    var _ = one.register(ours.memory(0, 4096), 4096, "cuda:0");
  }

  @AfterEach
  void close() {
    one.close();
    other.close();
    DeviceEngine.close(SEED, ours, theirs);
    host.close();
    log.close();
  }

  private byte[] news() {
    byte[] news = new byte[BYTES];
    random.nextBytes(news);
    return news;
  }

  private byte[] hosts() {
    return host.segment().toArray(ValueLayout.JAVA_BYTE);
  }

  private static byte[] fill(MemorySegment segment, byte[] news) {
    MemorySegment.copy(news, 0, segment, ValueLayout.JAVA_BYTE, 0, news.length);
    return news;
  }

  private static void assertMoved(TransferHandle transfer, String transport) {
    assertThat(transfer.state())
        .as(() -> transfer.failure() + ", seed " + SEED)
        .isEqualTo(TransferState.COMPLETED);
    assertThat(transfer.report().transport()).isEqualTo(transport);
  }

  private static BlockColumns columns(List<long[]> blocks) {
    return BlockColumns.of(
        blocks.stream().mapToLong(each -> each[0]).toArray(),
        blocks.stream().mapToLong(each -> each[1]).toArray(),
        blocks.stream().mapToLong(each -> each[2]).toArray());
  }

  private BlockColumns all() {
    return BlockColumns.of(here, there, BYTES);
  }

  private void assertBothWays(String transport) throws Exception {
    assertBothWays(one, here, host.segment(), there, transport);
  }

  private void assertBothWays(
      DeviceEngine from, long local, MemorySegment seen, long device, String transport)
      throws Exception {
    BlockColumns blocks = BlockColumns.of(local, device, BYTES);
    byte[] written = fill(seen, news());
    assertMoved(from.move(Operation.WRITE, other, blocks), transport);
    assertThat(theirs.peek(device, BYTES)).as("seed %d", SEED).isEqualTo(written);
    byte[] read = news();
    theirs.poke(device, read);
    assertMoved(from.move(Operation.READ, other, blocks), transport);
    assertThat(seen.toArray(ValueLayout.JAVA_BYTE)).as("seed %d", SEED).isEqualTo(read);
  }

  private long missed() {
    return one.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED);
  }

  /** On the same device, and on another one that ours reaches. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void registeredMemoryIsCopiedWithoutTheNetwork(int device) throws Exception {
    long theirDevice = other.register(theirs.memory(device, BYTES), BYTES, "cuda:" + device);
    for (int i = 0; i < 2; i++) {
      assertBothWays(one, here, host.segment(), theirDevice, "local");
    }
    assertThat(missed()).isZero();
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_OPENED)).isOne();
    other.core.memory().unregister(theirDevice);
    // The simulated driver does not let memory go that another process has open.
    theirs.freeMemory(theirDevice);
    assertThat(ours.opened()).isZero();
  }

  @Test
  void managedMemoryIsCopiedWithoutTheNetwork() throws Exception {
    long local = one.core.memory().allocate(BYTES, "*", AccessRights.READ_WRITE).address();
    assertBothWays(one, local, Mapped.at(local, BYTES), there, "local");
    one.core.memory().free(local, BYTES);
  }

  /** Of any alignment on either side; what is around them stays as it was. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void rangesOfAnyLengthAndPlaceArriveWhole(Operation operation) throws Exception {
    List<Integer> lengths =
        new ArrayList<>(List.of(1, 2, 15, 16, 17, 4095, 4096, 4097, 65_537, 1 << 20));
    lengths.addAll(List.of((1 << 20) + 1, 3_000_001, 4 << 20));
    for (int length : lengths) {
      int local = random.nextInt(BYTES - length);
      int remote = random.nextInt(BYTES - length);
      byte[] onHost = fill(host.segment(), news());
      byte[] onDevice = news();
      theirs.poke(there, onDevice);
      assertMoved(
          one.move(operation, other, BlockColumns.of(here + local, there + remote, length)),
          "local");
      if (operation == Operation.WRITE) {
        System.arraycopy(onHost, local, onDevice, remote, length);
      } else {
        System.arraycopy(onDevice, remote, onHost, local, length);
      }
      assertThat(theirs.peek(there, BYTES)).as("%d, seed %d", length, SEED).isEqualTo(onDevice);
      assertThat(hosts()).as("%d, seed %d", length, SEED).isEqualTo(onHost);
    }
  }

  @ParameterizedTest
  @EnumSource(Operation.class)
  void scatteredBlocksAreRight(Operation operation) throws Exception {
    int count = 100_000;
    int stride = BYTES / count;
    List<Integer> order = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      order.add(i);
    }
    Collections.shuffle(order, random);
    byte[] onHost = fill(host.segment(), news());
    byte[] onDevice = news();
    theirs.poke(there, onDevice);
    byte[] hostThen = onHost.clone();
    byte[] deviceThen = onDevice.clone();
    List<long[]> blocks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      int local = i * stride + random.nextInt(8);
      int remote = order.get(i) * stride + random.nextInt(8);
      int length = 1 + random.nextInt(stride - 8);
      blocks.add(new long[] {here + local, there + remote, length});
      if (operation == Operation.WRITE) {
        System.arraycopy(onHost, local, deviceThen, remote, length);
      } else {
        System.arraycopy(onDevice, remote, hostThen, local, length);
      }
    }
    assertMoved(one.move(operation, other, columns(blocks)), "local");
    assertThat(theirs.peek(there, BYTES)).as("seed %d", SEED).isEqualTo(deviceThen);
    assertThat(hosts()).as("seed %d", SEED).isEqualTo(hostThen);
    assertThat(ours.plan().calls("cuLaunchKernel")).isPositive();
  }

  /** It makes no context of a device only for that. */
  @Test
  void whoUsesNoDeviceGoesOverTheNetworkUntilItDoes() throws Exception {
    SimulatedDevices none = new SimulatedDevices(SEED, 1, 1 << 20, SimulatedIpc.in(folder));
    try (DeviceEngine bare = new DeviceEngine(none);
        Mapped memory = Mapped.of(BYTES)) {
      long local = bare.register(memory.address(), BYTES, "*");
      assertBothWays(bare, local, memory.segment(), there, "tcp");
      assertThat(none.plan().called()).isEmpty();
      assertThat(bare.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED)).isEqualTo(2);
      assertThat(log.count("this engine uses no device that could copy")).isOne();
      var _ = bare.register(none.memory(0, 4096), 4096, "cuda:0");
      assertBothWays(bare, local, memory.segment(), there, "local");
      assertThat(bare.counted(Counter.LOCAL_DEVICE_TRANSFERS_MISSED)).isEqualTo(2);
    }
    assertThat(none.open()).isEmpty();
    none.close();
  }

  @Test
  void itIsEnoughWhereCopiesAreRequired() throws Exception {
    try (DeviceEngine strict = new DeviceEngine(ours, Map.of("TE_LOCAL", "required"))) {
      var _ = strict.register(ours.memory(0, 4096), 4096, "cuda:0");
      var _ = strict.register(here, BYTES, "*");
      assertBothWays(strict, here, host.segment(), there, "local");
    }
  }

  /** The first way has no slot, or opens nothing; the bytes arrive all the same. */
  @ParameterizedTest
  @ValueSource(strings = {"cuMemHostRegister_v2", "cuIpcOpenMemHandle_v2"})
  void whatCannotBeMadeReadyGoesOverTheNetwork(String call) throws Exception {
    ours.plan().failAlways(call, Cuda.CUDA_ERROR_OUT_OF_MEMORY());
    assertBothWays("tcp");
    assertThat(missed()).isEqualTo(2);
    ours.plan().heal();
    if (call.contains("Register")) {
      assertBothWays("local");
      assertThat(missed()).isEqualTo(2);
    }
  }

  @Test
  void aDeviceThatOursDoesNotReachIsReachedOverTheNetwork() throws Exception {
    ourIpc.refusePeerAccess();
    long far = other.register(theirs.memory(1, BYTES), BYTES, "cuda:1");
    assertBothWays(one, here, host.segment(), far, "tcp");
    assertThat(one.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_REFUSED)).isOne();
    assertBothWays("local");
    // Another one of ours reaches it.
    var _ = one.register(ours.memory(1, 4096), 4096, "cuda:1");
    assertBothWays(one, here, host.segment(), far, "local");
    other.core.memory().unregister(far);
  }

  /** Our device was only a helper: the transfers behind the one that lost it need none. */
  @Test
  void afterOurDeviceIsLostItGoesOverTheNetwork() throws Exception {
    assertBothWays("local");
    ours.plan().fail("cuMemcpyHtoDAsync_v2", 0, Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
    TransferHandle failed = one.move(Operation.WRITE, other, all());
    assertThat(failed.state()).isEqualTo(TransferState.FAILED);
    assertThat(failed.failure().orElseThrow()).hasMessageContaining("is lost to this process");
    assertBothWays("tcp");
    one.close();
    ours.forgetLost();
  }

  /** Each call of the driver that is made, the first times that it is made, in both directions. */
  @Test
  void failuresOfAnyCallHurtTheirTransferOnly() throws Exception {
    Set<String> calls = new TreeSet<>(callsOfOneUse());
    assertThat(calls)
        .contains("cuLaunchKernel", "cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2")
        .contains("cuIpcOpenMemHandle_v2", "cuIpcCloseMemHandle", "cuMemHostRegister_v2")
        .contains("cuEventRecord", "cuEventSynchronize", "cuCtxPushCurrent_v2");
    for (String call : calls) {
      for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
        for (int after = 0; after < 3; after++) {
          SimulatedDevices failing =
              new SimulatedDevices(SEED, 1, 1 << 20, SimulatedIpc.in(folder));
          use(failing, call, after, code);
          failing.close();
        }
      }
    }
  }

  private Set<String> callsOfOneUse() throws Exception {
    SimulatedDevices used = new SimulatedDevices(SEED, 1, 1 << 20, SimulatedIpc.in(folder));
    use(used, "", 0, 0);
    used.close();
    Set<String> calls = used.plan().called();
    // What only the end of an engine needs may leave something, as in DeviceTest.
    calls.removeIf(
        each -> each.contains("Destroy") || each.contains("Un") || each.contains("Release"));
    return calls;
  }

  /** Both directions, with one plain copy, and with a launch. */
  private void use(SimulatedDevices driver, String call, int after, int code) throws Exception {
    String what = "%s, after %d, %d, seed %d".formatted(call, after, code, SEED);
    List<long[]> many = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      many.add(new long[] {here + i * 2000L, there + i * 2000L + 3, 1000});
    }
    try (DeviceEngine user = new DeviceEngine(driver)) {
      var _ = user.register(here, BYTES, "*");
      var _ = user.register(driver.memory(0, 4096), 4096, "cuda:0");
      if (!call.isEmpty()) {
        driver.plan().fail(call, after, code);
      }
      for (BlockColumns blocks : List.of(BlockColumns.of(here, there, 9000), columns(many))) {
        for (Operation operation : Operation.values()) {
          assertThat(user.move(operation, other, blocks).state().isTerminal()).as(what).isTrue();
        }
      }
      driver.plan().heal();
      // What could not be opened is left alone for a minute.
      boolean isRefused = user.counted(Counter.LOCAL_DEVICE_ALLOCATIONS_REFUSED) > 0;
      assertThat(isRefused && code == CallPlan.FULL_HEAP).as(what).isFalse();
      assertBothWays(user, here, host.segment(), there, isRefused ? "tcp" : "local");
    }
    assertThat(driver.open()).as(what).isEmpty();
    assertThat(driver.isThreadClean()).as(what).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuMemcpyDtoHAsync_v2",
        "cuMemcpyHtoDAsync_v2",
        "cuEventSynchronize",
        "cuEventRecord"
      })
  void aFailedCopyFailsItsTransferAndNothingElse(String call) throws Exception {
    assertBothWays("local");
    Operation operation = call.contains("HtoD") ? Operation.WRITE : Operation.READ;
    for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
      ours.plan().fail(call, 1, code);
      TransferHandle failed = one.move(operation, other, all());
      assertThat(failed.state()).as(call + " " + code).isEqualTo(TransferState.FAILED);
      ours.plan().heal();
      assertBothWays("local");
    }
    assertThat(missed()).isZero();
  }

  /** A file under a registration that was cut: a call says so, and no signal ends this process. */
  @ParameterizedTest
  @EnumSource(Operation.class)
  void memoryOfOursThatIsGoneFailsItsTransfer(Operation operation) throws Exception {
    Path file = folder.resolve("cut-" + operation);
    try (Arena arena = Arena.ofShared();
        FileChannel channel =
            FileChannel.open(
                file,
                StandardOpenOption.CREATE_NEW,
                StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20, arena);
      long local = one.register(mapped.address(), 1 << 20, "*");
      var _ = channel.truncate(8192);
      TransferHandle failed =
          one.move(
              operation,
              other,
              BlockColumns.of(
                  new long[] {local, local + 9000},
                  new long[] {there, there + 9000},
                  new long[] {4096, 4096}));
      assertThat(failed.state()).isEqualTo(TransferState.FAILED);
      assertThat(failed.failure().orElseThrow())
          .hasMessageContaining("the local memory from 0x%x".formatted(local + 9000));
      one.core.memory().unregister(local);
    }
    assertBothWays("local");
  }
}
