// SPDX-License-Identifier: Apache-2.0
package io.transferengine.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.transferengine.access.AccessRights;
import io.transferengine.bindings.Cuda;
import io.transferengine.config.Settings;
import io.transferengine.device.CallPlan;
import io.transferengine.device.Devices;
import io.transferengine.device.SimulatedDevices;
import io.transferengine.memory.Region;
import io.transferengine.metrics.Gauge;
import io.transferengine.testkit.Mapped;
import io.transferengine.topology.Topology;
import io.transferengine.transfer.BlockColumns;
import io.transferengine.transfer.ErrorCode;
import io.transferengine.transfer.Operation;
import io.transferengine.transfer.TransferException;
import io.transferengine.transfer.TransferRequest;
import io.transferengine.transfer.TransferState;
import io.transferengine.transport.tcp.TcpTransportProvider;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Memory of devices as an engine finds it, allocates it and copies arrays to it. The devices are
 * simulated: a touch of their memory by the processor would end this JVM.
 */
@Timeout(180)
class DeviceMemoryTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());
  private static final long MIB = 1 << 20;
  private static final long OF_EACH = 80 * MIB;
  private static final AccessRights ALL = AccessRights.READ_WRITE;
  private static final Duration LIMIT = Duration.ofSeconds(100);

  private final SimulatedDevices driver = new SimulatedDevices(SEED, 2, OF_EACH);
  private final Random random = new Random(SEED);
  private final EngineCore engine = engine(new Devices(() -> driver));
  private final LocalMemory memory = engine.memory();

  static EngineCore engine(Devices devices) {
    return new EngineCore(
        new EngineOptions(
            "127.0.0.1",
            EngineOptions.P2P_HANDSHAKE,
            "tcp",
            "",
            Settings.fromMap(Map.of("TE_LISTEN_ADDRESS", "127.0.0.1")),
            Optional.empty(),
            Optional.empty(),
            Optional.empty()),
        () -> List.of(new TcpTransportProvider()),
        (_, _) -> new LocalTopology(List.of(), Topology.none(), Optional.empty()),
        devices);
  }

  @AfterEach
  void closeAll() {
    engine.close();
    driver.forgetLost();
    assertThat(driver.open()).as("seed %d", SEED).isEmpty();
    assertThat(driver.isThreadClean()).isTrue();
    driver.close();
  }

  // ---- where memory is

  @Test
  void whoseMemoryItIsIsFoundForEachRange() {
    long first = driver.memory(0, 1 << 16);
    long second = driver.memory(1, 1 << 16);
    try (Mapped host = Mapped.of(1 << 16)) {
      List<Region> made =
          memory.registerAll(
              new long[] {second, host.address(), first + 4096},
              new long[] {1 << 16, 1 << 16, 100},
              "*");
      assertThat(made).extracting(Region::location).containsExactly("cuda:1", "*", "cuda:0");
      assertThat(made).extracting(Region::isTouchable).containsExactly(false, true, false);
      memory.unregisterAll(new long[] {second, host.address(), first + 4096});
    }
  }

  @Test
  void whatIsNobodysIsRefusedAsBefore() {
    long there = driver.memory(0, 1 << 16);
    assertThatThrownBy(
            () -> memory.registerAll(new long[] {there, 4096}, new long[] {1 << 16, 4096}, "*"))
        .hasMessageContaining("not wholly mapped readable and writable");
    // Longer than its allocation, and freed.
    assertThatThrownBy(() -> memory.register(there, 1 << 17, "*"))
        .hasMessageContaining("has 65536 bytes");
    assertThatThrownBy(() -> memory.registerAll(new long[] {there}, new long[0], "*"))
        .hasFieldOrPropertyWithValue("code", ErrorCode.INVALID_ARGUMENT);
    assertThatThrownBy(() -> memory.register(there, 4096, "cpu:0"))
        .hasMessageContaining("not wholly mapped readable and writable");
    assertThat(memory.regions().size()).isZero();
  }

  /** Its kernel would end with an illegal address, and the device would be lost. */
  @Test
  void memoryOfAnotherContextIsRefused() {
    long there = driver.memoryOfOtherContext(1, 4096);
    for (String location : List.of("*", "cuda:1")) {
      assertThatThrownBy(() -> memory.register(there, 4096, location))
          .hasMessageContaining("belongs to another context");
    }
  }

  @Test
  void aDriverThatCannotBeAskedIsSaidBesideTheRefusal() {
    long there = driver.memory(0, 4096);
    driver.plan().fail("cuPointerGetAttribute", 0, Cuda.CUDA_ERROR_UNKNOWN());
    assertThatThrownBy(() -> memory.register(there, 4096, "*"))
        .hasMessageContaining("not wholly mapped")
        .satisfies(
            e -> assertThat(e.getSuppressed()[0]).hasMessageContaining("cuPointerGetAttribute"));
  }

  /** No process of the tests has loaded libcuda. */
  @Test
  void withoutADriverInTheProcessNoneIsLoaded() {
    try (EngineCore alone = engine(new Devices())) {
      assertThatThrownBy(() -> alone.memory().register(4096, 4096, "*"))
          .hasMessageContaining("not wholly mapped readable and writable")
          .hasNoSuppressedExceptions();
    }
  }

  // ---- memory of the engine's own

  private long allocate(long length) {
    return memory.allocate(length, "cuda:1", ALL).address();
  }

  @Test
  void managedBuffersAreZeroedRegisteredAndReachedByPeers() throws Exception {
    long buffer = allocate(3 * MIB);
    assertThat(driver.peek(buffer, (int) (3 * MIB))).containsOnly(0);
    assertThat(memory.regions().find(buffer, 3 * MIB))
        .isNotNull()
        .extracting(Region::location)
        .isEqualTo("cuda:1");
    try (EngineCore peer = engine(new Devices());
        Mapped there = Mapped.of(3 * MIB).fill(SEED)) {
      var _ = peer.memory().register(there.address(), 3 * MIB, "*");
      move(peer, Operation.WRITE, engine, there.address(), buffer, 3 * MIB);
      byte[] expected = there.segment().toArray(ValueLayout.JAVA_BYTE);
      assertThat(driver.peek(buffer, (int) (3 * MIB))).isEqualTo(expected);
      there.segment().fill((byte) 0);
      move(engine, Operation.WRITE, peer, buffer, there.address(), 3 * MIB);
      assertThat(there.segment().toArray(ValueLayout.JAVA_BYTE)).isEqualTo(expected);
      memory.free(buffer, 3 * MIB);
      assertThatThrownBy(() -> move(peer, Operation.READ, engine, there.address(), buffer, 3 * MIB))
          .isInstanceOf(AssertionError.class);
      peer.memory().unregister(there.address());
    }
  }

  private static void move(
      EngineCore from, Operation operation, EngineCore to, long local, long remote, long length)
      throws InterruptedException {
    TransferHandle transfer =
        from.submit(
            TransferRequest.of(
                operation, to.segmentName(), BlockColumns.of(local, remote, length)));
    assertThat(transfer.await(LIMIT))
        .as("%s", transfer.failure())
        .isEqualTo(TransferState.COMPLETED);
  }

  @Test
  void manyBuffersAreOneAllocationOfTheDevice() {
    Set<Long> buffers = new HashSet<>();
    for (int i = 0; i < 1000; i++) {
      buffers.add(allocate(8000));
    }
    assertThat(buffers).hasSize(1000);
    assertThat(driver.plan().calls("cuMemAlloc_v2")).isEqualTo(1);
    assertThat(engine.metrics().get(Gauge.MANAGED_DEVICE_BYTES_IN_USE)).isEqualTo(8_000_000);
    assertThat(engine.metrics().get(Gauge.MANAGED_DEVICE_BYTES_RESERVED)).isEqualTo(64 * MIB);
    assertThat(engine.metrics().get(Gauge.MANAGED_BYTES_RESERVED)).isZero();
    buffers.forEach(each -> memory.free(each, 8000));
    assertThat(engine.metrics().get(Gauge.MANAGED_DEVICE_BYTES_IN_USE)).isZero();
    assertThatThrownBy(() -> memory.free(buffers.iterator().next(), 8000))
        .hasFieldOrPropertyWithValue("code", ErrorCode.ADDRESS_NOT_REGISTERED);
    // One piece is kept for the next.
    assertThat(driver.allocated(1)).isEqualTo(64 * MIB);
    engine.close();
    assertThat(driver.allocated(1)).isZero();
  }

  @Test
  void whatIsLeftOfTheDeviceIsUsed() {
    long taken = driver.memory(1, OF_EACH - 10 * MIB);
    // Its class is 16 MiB, of which there are none.
    long nearlyAll = allocate(10 * MIB - 4096);
    long buffer = allocate(4096);
    assertThat(driver.allocated(1)).isEqualTo(OF_EACH);
    assertThatThrownBy(() -> allocate(16 * MIB))
        .hasMessageContaining("The device has no memory for 16777216 bytes requested")
        .hasMessageContaining("cuMemAlloc_v2")
        .hasFieldOrPropertyWithValue("code", ErrorCode.MEMORY);
    assertThat(memory.allocate(16 * MIB).byteSize()).isEqualTo(16 * MIB);
    memory.free(buffer, 4096);
    memory.free(nearlyAll, 10 * MIB - 4096);
    assertThat(driver.allocated(1)).isEqualTo(OF_EACH - 10 * MIB);
    memory.free(allocate(9 * MIB), 9 * MIB);
    assertThat(taken).isPositive();
  }

  /** The device says when it has no room: there is no limit that would say it before. */
  @Test
  void anEmptyPieceMakesRoomForALargeOne() {
    memory.free(allocate(100), 100);
    assertThat(driver.allocated(1)).isEqualTo(64 * MIB);
    long large = allocate(70 * MIB);
    memory.free(large, 70 * MIB);
  }

  @Test
  void wrongDevicesAreNamed() {
    assertThatThrownBy(() -> memory.allocate(1, "cuda:7", ALL))
        .hasMessageContaining("no device cuda:7: this process sees 2");
    assertThatThrownBy(() -> memory.allocate(1, "cuda:-1", ALL))
        .hasMessageContaining("'cuda:-1' is no location of memory");
    assertThatThrownBy(() -> memory.allocate(1, "npu:0", ALL))
        .hasFieldOrPropertyWithValue("code", ErrorCode.INVALID_ARGUMENT);
    assertThatThrownBy(() -> allocate(0)).hasMessageContaining("not positive");
  }

  /** Each call that taking memory makes, failing alone; then it works. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuDeviceGetCount",
        "cuDeviceGet",
        "cuDeviceGetName",
        "cuDevicePrimaryCtxRetain",
        "cuCtxPushCurrent_v2",
        "cuDeviceGetAttribute",
        "cuMemAlloc_v2",
        "cuMemsetD8Async",
        "cuStreamCreate",
        "cuStreamSynchronize",
        "cuMemHostRegister_v2"
      })
  void aCallThatFailsLeavesNothingTaken(String call) {
    for (int code : new int[] {Cuda.CUDA_ERROR_UNKNOWN(), CallPlan.FULL_HEAP}) {
      boolean failed = true;
      for (int after = 0; failed; after++) {
        driver.plan().fail(call, after, code);
        Throwable thrown = catchThrowable(() -> memory.free(allocate(100), 100));
        failed = thrown != null;
        if (thrown instanceof TransferException e && code != CallPlan.FULL_HEAP) {
          assertThat(e).hasMessageContaining(call);
        }
        driver.plan().heal();
        // The spare at most.
        assertThat(driver.allocated(1)).isLessThanOrEqualTo(64 * MIB);
        assertThat(memory.regions().size()).isZero();
      }
    }
    memory.free(allocate(100), 100);
  }

  // ---- arrays

  private byte[] randomBytes(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  @Test
  void arraysAreCopiedToADeviceAndBack() {
    int most = (int) (5 * MIB);
    long buffer = allocate(most);
    for (int length : new int[] {1, 4097, (int) MIB, (int) MIB + 1, most}) {
      int offset = most == length ? 0 : 3;
      byte[] bytes = randomBytes(length);
      memory.bytes().write(buffer + offset, bytes, length);
      assertThat(driver.peek(buffer + offset, length)).as("seed %d", SEED).isEqualTo(bytes);
      assertThat(memory.bytes().read(buffer + offset, length)).isEqualTo(bytes);
    }
    assertThatThrownBy(() -> memory.bytes().write(buffer + 1, new byte[most], most))
        .hasFieldOrPropertyWithValue("code", ErrorCode.ADDRESS_NOT_REGISTERED);
    memory.free(buffer, most);
    assertThatThrownBy(() -> memory.bytes().read(buffer, 1))
        .hasFieldOrPropertyWithValue("code", ErrorCode.ADDRESS_NOT_REGISTERED);
  }

  @Test
  void manyThreadsShareTheSlots() throws Exception {
    List<Thread> threads = new ArrayList<>();
    List<byte[]> wrong = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      byte[] bytes = randomBytes((int) (2 * MIB));
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    long buffer = allocate(bytes.length);
                    memory.bytes().write(buffer, bytes, bytes.length);
                    byte[] read = memory.bytes().read(buffer, bytes.length);
                    if (!Arrays.equals(bytes, read)) {
                      synchronized (wrong) {
                        wrong.add(read);
                      }
                    }
                    memory.free(buffer, bytes.length);
                  }));
    }
    for (Thread each : threads) {
      each.join();
    }
    assertThat(wrong).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cuMemHostRegister_v2",
        "cuMemcpyHtoDAsync_v2",
        "cuMemcpyDtoHAsync_v2",
        "cuEventRecord",
        "cuEventSynchronize"
      })
  void aCopyThatFailsSaysSoAndTheNextOneWorks(String call) {
    long buffer = allocate(3 * MIB);
    byte[] bytes = randomBytes((int) (3 * MIB));
    for (int after = 0; after < 3; after++) {
      driver.plan().fail(call, after, Cuda.CUDA_ERROR_UNKNOWN());
      Throwable thrown =
          catchThrowable(
              () -> {
                memory.bytes().write(buffer, bytes, bytes.length);
                var _ = memory.bytes().read(buffer, bytes.length);
              });
      if (!call.equals("cuMemHostRegister_v2") || after == 0) {
        assertThat(thrown).isInstanceOf(TransferException.class).hasMessageContaining(call);
      }
      driver.plan().heal();
      memory.bytes().write(buffer, bytes, bytes.length);
      assertThat(memory.bytes().read(buffer, bytes.length)).isEqualTo(bytes);
    }
    memory.free(buffer, 3 * MIB);
  }

  /**
   * An illegal address in any kernel of this process: all that the device does fails from then on.
   */
  @Test
  void aLostDeviceIsNamedAndHostMemoryStillWorks() {
    long buffer = allocate(MIB);
    driver.plan().fail("cuEventSynchronize", 0, Cuda.CUDA_ERROR_ILLEGAL_ADDRESS());
    for (int i = 0; i < 2; i++) {
      assertThatThrownBy(() -> memory.bytes().write(buffer, new byte[10], 10))
          .hasMessageContaining("cuda:1 is lost to this process")
          .hasMessageContaining("start a new process")
          .hasFieldOrPropertyWithValue("code", ErrorCode.CONTEXT);
    }
    assertThatThrownBy(() -> allocate(70 * MIB)).hasMessageContaining("cuda:1 is lost");
    memory.free(buffer, MIB);
    long host = memory.allocate(MIB).address();
    byte[] bytes = randomBytes((int) MIB);
    memory.bytes().write(host, bytes, bytes.length);
    assertThat(memory.bytes().read(host, bytes.length)).isEqualTo(bytes);
    memory.free(host, MIB);
    // The other one has nothing to do with it.
    memory.free(memory.allocate(100, "cuda:0", ALL).address(), 100);
  }
}
