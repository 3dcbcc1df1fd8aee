// SPDX-License-Identifier: Apache-2.0
package io.transferengine.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.transferengine.bindings.Cuda;
import io.transferengine.memory.MemoryKind;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.TransferException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A device's copies and errors, on simulated devices. */
@Timeout(120)
class DeviceTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final int MEMORY = 16 << 20;
  private static final int HOST = 8 << 20;

  /** What a call that fails leaves taken, as {@link SimulatedDevices#open} says it. */
  private static final Map<String, String> GIVEN_BACK =
      Map.of(
          "cuDevicePrimaryCtxRelease_v2", "holds of the context",
          "cuEventDestroy_v2", "events",
          "cuMemHostUnregister", "pinned ranges",
          "cuModuleUnload", "modules",
          "cuStreamDestroy_v2", "streams");

  private static final String VERSION = "cuDriverGetVersion";

  /** What is made to fail in other tests. */
  private static final Set<String> ELSEWHERE =
      Set.of(
          // CudaLibraryTest, of a driver that gcc makes
          "cuInit",
          "cuGetErrorName",
          "cuGetErrorString",
          // StreamGatesTest
          "cuStreamWaitValue32_v2",
          // DeviceIpcTest and PeerImportsTest
          "cuIpcCloseMemHandle",
          "cuIpcGetMemHandle",
          "cuIpcOpenMemHandle_v2",
          "cuMemGetAddressRange_v2",
          // those of RDMA: DeviceMemoryTest and DeviceArrivalsTest
          "cuFlushGPUDirectRDMAWrites",
          "cuMemGetHandleForAddressRange",
          "cuPointerSetAttribute");

  private final SimulatedDevices driver = new SimulatedDevices(SEED, 2, MEMORY);
  private final Devices devices = new Devices(() -> driver);
  private final Random random = new Random(SEED);

  private Device device(int ordinal) {
    return devices.of(MemoryKind.at("cuda:" + ordinal));
  }

  @AfterEach
  void nothingIsLeft() {
    devices.close();
    assertThat(driver.open()).as("seed %d", SEED).isEmpty();
    assertThat(driver.isThreadClean()).isTrue();
    driver.close();
  }

  /** Pinned memory for one test. */
  private static final class Host implements AutoCloseable {
    final Arena arena = Arena.ofShared();
    final MemorySegment memory = arena.allocate(HOST, 4096);
    final Device device;

    Host(Device device) {
      this.device = device;
      device.pin(memory.address(), HOST);
    }

    @Override
    public void close() {
      device.unpin(memory.address());
      arena.close();
    }
  }

  private static void copy(Device device, boolean out, CopyList list, long host) throws Exception {
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    CopyCompletion told =
        failure -> {
          if (failure != null) {
            done.completeExceptionally(failure);
          } else {
            done.complete(true);
          }
        };
    if (out) {
      device.copyOut(list, host, told);
    } else {
      device.copyIn(list, host, told);
    }
    try {
      done.get(60, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw (TransferException) e.getCause();
    }
  }

  /** Ranges that do not overlap, of any alignment. */
  private CopyList ranges(long base, int count, int most) {
    CopyList list = new CopyList();
    long at = base;
    for (int i = 0; i < count; i++) {
      at += random.nextInt(1, 41);
      long length = random.nextInt(1, most + 1);
      if (at + length > base + MEMORY || list.bytes() + length > HOST - 64) {
        break;
      }
      list.add(at, length);
      at += length;
    }
    return list;
  }

  @ParameterizedTest
  @CsvSource({"true, true", "false, true", "false, false"})
  void movesRangesOfAnyAlignmentAndLength(boolean kernel, boolean batch) throws Exception {
    driver.supports(kernel, batch);
    Device device = device(1);
    assertThat(device.hasKernel()).isEqualTo(kernel);
    long base = driver.memory(1, MEMORY);
    byte[] all = new byte[MEMORY];
    random.nextBytes(all);
    driver.poke(base, all);
    try (Host host = new Host(device)) {
      for (int[] shape :
          new int[][] {{1, 1}, {1, 4 << 20}, {3, 2 << 20}, {700, 9000}, {4096, 64}}) {
        CopyList list = ranges(base, shape[0], shape[1]);
        int offset = random.nextInt(64);
        copy(device, true, list, host.memory.address() + offset);
        long at = offset;
        for (int i = 0; i < list.count(); i++) {
          int from = (int) (list.address(i) - base);
          int length = (int) list.length(i);
          assertThat(host.memory.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE))
              .as("range %d of %d, seed %d", i, list.count(), SEED)
              .isEqualTo(Arrays.copyOfRange(all, from, from + length));
          at += length;
        }
        // And back, changed.
        byte[] other = new byte[(int) list.bytes()];
        random.nextBytes(other);
        MemorySegment.copy(other, 0, host.memory, ValueLayout.JAVA_BYTE, offset, other.length);
        copy(device, false, list, host.memory.address() + offset);
        int next = 0;
        for (int i = 0; i < list.count(); i++) {
          int length = (int) list.length(i);
          System.arraycopy(other, next, all, (int) (list.address(i) - base), length);
          next += length;
        }
        assertThat(driver.peek(base, MEMORY)).as("seed %d", SEED).isEqualTo(all);
      }
    }
    assertThat(driver.plan().calls("cuLaunchKernel") > 0).isEqualTo(kernel);
    assertThat(driver.plan().calls("cuMemcpyBatchAsync_v2") > 0).isEqualTo(!kernel && batch);
  }

  @Test
  void manyCopiesAreUnderWayAtOnceAndEndInOrder() throws Exception {
    Device device = device(0);
    long base = driver.memory(0, MEMORY);
    try (Host host = new Host(device)) {
      List<Integer> told = Collections.synchronizedList(new ArrayList<>());
      CompletableFuture<Boolean> last = new CompletableFuture<>();
      for (int i = 0; i < 100; i++) {
        int number = i;
        device.copyOut(
            ranges(base, 50, 1000),
            host.memory.address(),
            failure -> {
              told.add(failure == null ? number : -1);
              if (number == 99) {
                last.complete(true);
              }
            });
      }
      last.get(60, TimeUnit.SECONDS);
      assertThat(told).hasSize(100).isSorted().doesNotContain(-1);
    }
  }

  /** What is open of other processes, or still copied, would lose its context. */
  @Test
  void devicesThatAreLeftOpenKeepTheirContexts() {
    try (SimulatedDevices other = new SimulatedDevices(SEED, 1, MEMORY)) {
      Devices left = new Devices(() -> other);
      var _ = left.of(MemoryKind.at("cuda:0"));
      left.leaveOpen();
      left.close();
      assertThat(other.open()).contains("1 holds of the context of 0");
      assertThatThrownBy(() -> left.of(MemoryKind.at("cuda:1"))).hasMessageContaining("closed");
    }
  }

  @Test
  void wrongOrdinalsAreNamed() {
    assertThatThrownBy(() -> device(2))
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("no device cuda:2: this process sees 2")
        .hasMessageContaining("CUDA_VISIBLE_DEVICES");
    assertThatThrownBy(() -> devices.of(MemoryKind.at("npu:0")))
        .hasMessageContaining("copies no device memory (npu:0)");
    assertThatThrownBy(() -> devices.of(MemoryKind.host())).hasMessageContaining("host memory");
  }

  @Test
  void memoryThatIsNotTheDevicesIsNamed() {
    Device device = device(0);
    long own = driver.memory(0, 10_000);
    device.require(own, 10_000);
    device.require(own + 9_999, 1);
    assertThatThrownBy(() -> device.require(own, 10_001))
        .hasMessageContaining("has 10000 bytes")
        .hasFieldOrPropertyWithValue("code", ErrorCode.INVALID_ARGUMENT);
    long others = driver.memory(1, 10_000);
    assertThatThrownBy(() -> device.require(others, 1)).hasMessageContaining("memory of cuda:1");
    assertThatThrownBy(() -> device.require(4096, 1)).hasMessageContaining("does not know");
    long freed = device.allocate(5000);
    device.free(freed);
    assertThatThrownBy(() -> device.require(freed, 1)).hasMessageContaining("freed");
  }

  @Test
  void outOfMemoryIsSaidAndTheDeviceGoesOn() {
    Device device = device(0);
    assertThatThrownBy(() -> device.allocate(MEMORY + 1))
        .hasFieldOrPropertyWithValue("code", ErrorCode.MEMORY)
        .hasMessageContaining("cuda:0 has no memory left");
    device.free(device.allocate(MEMORY));
  }

  /** Without its address nobody could free it. */
  @Test
  void whatACallHasTakenIsHandedOutWhateverFollows() {
    Device device = device(0);
    for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
      driver.plan().fail("cuCtxPopCurrent_v2", 0, code);
      device.free(device.allocate(MEMORY));
      driver.plan().heal();
      assertThat(driver.allocated(0)).isZero();
      driver.plan().fail("cuCtxPopCurrent_v2", 0, code);
      Devices own = new Devices(() -> driver);
      assertThat(own.of(MemoryKind.at("cuda:1")).isLost()).isFalse();
      own.close();
    }
  }

  /** The driver says it of whatever it is asked about that one. */
  @Test
  void anErrorOfAnotherDevicesEventDoesNotLoseThisOne() {
    Device device = device(0);
    long event = driver.events().pending();
    driver.events().lose(event);
    assertThatThrownBy(() -> device.hasHappened(event)).hasMessageContaining("700");
    assertThat(device.isLost()).isFalse();
    device.free(device.allocate(100));
    assertThat(driver.events().destroy(event)).isTrue();
  }

  /** The copy fails, as a kernel does: asynchronously, and for good. */
  @Test
  void copyOfFreedMemoryLosesTheDevice() throws Exception {
    Device device = device(0);
    Device other = device(1);
    long gone = device.allocate(100_000);
    device.free(gone);
    CopyList list = new CopyList();
    list.add(gone, 100);
    long own = driver.memory(1, 1000);
    CopyList good = new CopyList();
    good.add(own, 1000);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(HOST, 4096);
      other.pin(memory.address(), HOST);
      assertThatThrownBy(() -> copy(device, true, list, memory.address()))
          .hasMessageContaining("cuda:0 is lost to this process")
          .hasMessageContaining("start a new process");
      assertThatThrownBy(() -> device.allocate(1)).hasMessageContaining("is lost");
      assertThatThrownBy(() -> copy(device, true, list, memory.address()))
          .hasMessageContaining("is lost");
      copy(other, true, good, memory.address());
      other.unpin(memory.address());
    }
    devices.close();
    // What a lost context held cannot be given back; what the other had was.
    assertThat(driver.open()).noneMatch(what -> what.contains("context of 1"));
    driver.forgetLost();
  }

  /** By cudaDeviceReset, say: nothing of it is under way, and nothing can be asked any more. */
  @ParameterizedTest
  @ValueSource(ints = {201, 400, 709})
  void aContextThatWasDestroyedEndsItsCopies(int code) throws Exception {
    Device device = device(0);
    CopyList list = new CopyList();
    list.add(driver.memory(0, 1000), 1000);
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = arena.allocate(HOST, 4096);
      device.pin(memory.address(), HOST);
      driver.plan().failAlways("cuMemcpyDtoHAsync_v2", code);
      driver.plan().failAlways("cuStreamSynchronize", code);
      assertThatThrownBy(() -> copy(device, true, list, memory.address()))
          .hasMessageContaining("cuMemcpyDtoHAsync_v2")
          .hasMessageContaining("" + code);
      driver.plan().heal();
      if (!device.isLost()) {
        device.unpin(memory.address());
      }
    }
    devices.close();
    driver.forgetLost();
  }

  /** Or else its host memory is used again, and the late copy overwrites what is there then. */
  @Test
  void aCopyIsToldOfOnlyWhenItIsKnownToBeOver() throws Exception {
    Device device = device(0);
    CopyList list = new CopyList();
    list.add(driver.memory(0, MEMORY), 1000);
    try (Host host = new Host(device)) {
      driver.hold();
      CallPlan plan = driver.plan();
      int before = plan.calls("cuStreamSynchronize");
      plan.fail("cuEventSynchronize", 0, CallPlan.FULL_HEAP);
      plan.fail("cuStreamSynchronize", 0, CallPlan.FULL_HEAP);
      plan.fail("cuStreamSynchronize", 0, Cuda.CUDA_ERROR_UNKNOWN());
      CompletableFuture<TransferException> told = new CompletableFuture<>();
      device.copyOut(list, host.memory.address(), told::complete);
      while (plan.calls("cuStreamSynchronize") < before + 3) {
        assertThat(told).isNotDone();
        Thread.onSpinWait();
      }
      assertThat(told).isNotDone();
      driver.letGo();
      // The error has no text, and what it says cannot be had.
      assertThat(told.get(60, TimeUnit.SECONDS))
          .hasMessageContaining("there is no memory to say why");
    } finally {
      driver.letGo();
    }
  }

  /** The kernel may still run, and the context's end would take it along. */
  @Test
  void whatDoesNotEndKeepsTheContext() throws Exception {
    try (SimulatedDevices stuck = new SimulatedDevices(SEED, 1, MEMORY)) {
      Devices own = new Devices(() -> stuck);
      Device device = own.of(MemoryKind.at("cuda:0"));
      CopyList list = new CopyList();
      list.add(stuck.memory(0, 1000), 1000);
      try (Host host = new Host(device)) {
        stuck.plan().fail("cuEventSynchronize", 0, Cuda.CUDA_ERROR_UNKNOWN());
        stuck.plan().failAlways("cuStreamSynchronize", Cuda.CUDA_ERROR_UNKNOWN());
        CompletableFuture<TransferException> told = new CompletableFuture<>();
        device.copyOut(list, host.memory.address(), told::complete);
        own.close();
        assertThat(told).isNotDone();
        assertThat(stuck.open())
            .contains(
                "1 holds of the context of 0",
                "1 modules",
                "1 streams",
                CopyLane.DEPTH + " events");
        assertThat(stuck.isThreadClean()).isTrue();
      }
    }
  }

  @Test
  void failingCallsLeaveNothingBehind() throws Exception {
    for (boolean[] way : new boolean[][] {{true, true}, {false, true}, {false, false}}) {
      failingCallsLeaveNothingBehind(way[0], way[1]);
    }
  }

  private void failingCallsLeaveNothingBehind(boolean kernel, boolean batch) throws Exception {
    Set<String> calls = callsOfOneUse(kernel, batch);
    assertThat(calls).hasSizeGreaterThan(20).contains("cuMemcpyDtoDAsync_v2", "cuMemsetD8Async");
    assertThat(calls.contains("cuLaunchKernel")).isEqualTo(kernel);
    assertThat(calls.contains("cuMemcpyBatchAsync_v2")).isEqualTo(!kernel && batch);
    for (String call : calls) {
      int failed = 0;
      for (int after = 0; after < 6; after++) {
        try (SimulatedDevices failing = new SimulatedDevices(SEED, 1, MEMORY)) {
          failing.plan().fail(call, after, Cuda.CUDA_ERROR_UNKNOWN());
          failing.supports(kernel, batch);
          failed += failsAfter(failing, call, after) ? 1 : 0;
          failing.plan().heal();
          assertThat(failing.isThreadClean()).as(call).isTrue();
          if (!call.contains("Push")) {
            // What is given back by the call that failed is left, and nothing else.
            assertThat(failing.open())
                .as("%s, after %d", call, after)
                .hasSizeLessThan(GIVEN_BACK.containsKey(call) ? 2 : 1)
                .allMatch(left -> left.startsWith("1 " + GIVEN_BACK.get(call)));
          }
        }
      }
      assertThat(failed).as(call).isPositive();
    }
  }

  @Test
  void aVersionThatCannotBeHadIsAFailureOfItsOwn() {
    DeviceExports exports = new DeviceExports(() -> driver);
    driver.plan().fail(VERSION, 0, Cuda.CUDA_ERROR_UNKNOWN());
    assertThatThrownBy(exports::cudaVersion)
        .isInstanceOf(TransferException.class)
        .hasMessageContaining(VERSION);
    assertThat(exports.cudaVersion()).isEqualTo("13.0");
  }

  /** What is bound next has to be made to fail here, or where it is used. */
  @Test
  void eachCallThatIsBoundIsTried() throws Exception {
    Set<String> tried = new TreeSet<>(ELSEWHERE);
    tried.add(VERSION);
    for (boolean[] way : new boolean[][] {{true, true}, {false, true}, {false, false}}) {
      tried.addAll(callsOfOneUse(way[0], way[1]));
    }
    Set<String> bound = new TreeSet<>();
    for (Method each : Cuda.class.getDeclaredMethods()) {
      if (each.getReturnType() == int.class && each.getName().matches("cu[A-Z].*")) {
        bound.add(each.getName());
      }
    }
    assertThat(bound).hasSizeGreaterThan(30).isEqualTo(tried);
  }

  private Set<String> callsOfOneUse(boolean kernel, boolean batch) throws Exception {
    try (SimulatedDevices used = new SimulatedDevices(SEED, 1, MEMORY)) {
      used.supports(kernel, batch);
      use(used);
      assertThat(used.open()).isEmpty();
      return used.plan().called();
    }
  }

  private boolean failsAfter(SimulatedDevices failing, String call, int after) throws Exception {
    try {
      use(failing);
      return failing.plan().calls(call) > after;
    } catch (TransferException | DeviceException e) {
      assertThat(e).as(call).hasMessageContaining(call);
      return true;
    }
  }

  /** Everything, once or twice. */
  private static void use(SimulatedDevices with) throws Exception {
    try (Devices own = new Devices(() -> with)) {
      Device device = own.of(MemoryKind.at("cuda:0"));
      long memory = device.allocate(1 << 20);
      device.require(memory, 1 << 20);
      CopyList list = new CopyList();
      for (int i = 0; i < 20; i++) {
        list.add(memory + 3000L * i, 100 + i);
      }
      CopyList one = new CopyList();
      one.add(memory, 5000);
      try (Arena arena = Arena.ofShared()) {
        MemorySegment host = arena.allocate(1 << 20, 4096);
        device.pin(host.address(), 1 << 20);
        try {
          copy(device, true, list, host.address());
          copy(device, false, list, host.address());
          copy(device, true, one, host.address());
          copy(device, false, one, host.address());
        } finally {
          device.unpin(host.address());
        }
      }
      copyWithin(device, memory);
      device.free(memory);
      device.free(device.allocateZeroed(4096));
      long event = device.createEvent();
      try {
        var _ = device.hasOwnHappened(event);
      } finally {
        device.destroyEvent(event);
      }
    }
  }

  private static void copyWithin(Device device, long memory) {
    try (PairCopier copier = device.pairCopier()) {
      PairList list = new PairList();
      list.add(memory, memory + 500_000, 5000);
      copier.copy(list);
      for (int i = 1; i < 20; i++) {
        list.add(memory + 3000L * i, memory + 600_000 + 3000L * i, 100 + i);
      }
      copier.copy(list);
    }
  }

  @Test
  void absenceHasOneReason() throws Exception {
    Path maps = Path.of("/proc/self/maps");
    boolean before = Files.readString(maps).contains("libcuda");
    DeviceLoader loader = new DeviceLoader("libte-no-cuda.so.1");
    assertThat(loader.unavailabilityCause())
        .contains("libte-no-cuda.so.1 not found. It comes with NVIDIA's driver");
    assertThatThrownBy(loader::library)
        .isInstanceOf(TransferException.class)
        .hasMessageContaining("libte-no-cuda.so.1 not found");
    // One that is there, and is another library.
    assertThat(new DeviceLoader("libc.so.6").unavailabilityCause().orElseThrow())
        .contains("has no cuDevicePrimaryCtxRelease_v2");
    // Another class of this JVM may have loaded it, on a machine that has one.
    assertThat(Files.readString(maps).contains("libcuda")).isEqualTo(before);
  }
}
